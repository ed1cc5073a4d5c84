/** A piece of YAML for the agents that match. */
export interface Overlay {
  /** Over attributes and labels; empty: every agent. */
  selector: string;
  /** The file it is merged onto; "": the body. */
  file: string;
  body: string;
}

/** All that a version says: templates, and what is merged onto them for some agents, in that order. */
export interface ConfigurationText {
  body: string;
  files: Record<string, string>;
  overlays: Overlay[];
}

/** One of a version's texts. */
export interface TextPart {
  /** Tells texts apart between versions, wherever an overlay stands. */
  key: string;
  /** The name people read. */
  title: string;
  text: string;
}

/** The texts of a version in the order they count. A body that is empty beside files is none. */
export function textParts({ body, files, overlays }: ConfigurationText): TextPart[] {
  const named = Object.entries(files).sort(([a], [b]) => a.localeCompare(b));
  return [
    ...(body === '' && named.length > 0 ? [] : [{ key: 'body', title: 'Body', text: body }]),
    ...named.map(([name, text]) => ({ key: `file ${name}`, title: `File ${name}`, text })),
    ...overlays.map((overlay, index) => {
      const target = overlayTarget(overlay);
      const alike = overlays.slice(0, index).filter((other) => overlayTarget(other) === target).length;
      return {
        key: `overlay ${alike} ${target}`,
        title: `Overlay ${index + 1}: ${target}`,
        text: overlay.body,
      };
    }),
  ];
}

/** Whom an overlay is for, and what it changes. */
function overlayTarget({ selector, file }: Overlay): string {
  return `${selector || 'every agent'} → ${file || 'body'}`;
}

/** One text before and after; null: it is not there. */
export interface PartChange {
  key: string;
  title: string;
  before: string | null;
  after: string | null;
  /** An overlay that others have overtaken: what it was called before. */
  movedFrom: string | null;
}

/** The texts that two versions do not have in common. */
export function changedParts(before: ConfigurationText, after: ConfigurationText): PartChange[] {
  const [old, now] = [textParts(before), textParts(after)];
  const removed = old.filter(({ key }) => !now.some((part) => part.key === key));
  const kept = old.filter((part) => !removed.includes(part));
  const order = now.filter(({ key }) => kept.some((part) => part.key === key));
  const changes = now.map(({ key, title, text }): PartChange => {
    const earlier = kept.find((part) => part.key === key);
    const moved =
      earlier !== undefined && kept.indexOf(earlier) !== order.findIndex((part) => part.key === key);
    return {
      key,
      title,
      before: earlier?.text ?? null,
      after: text,
      movedFrom: moved ? earlier.title : null,
    };
  });
  return [
    ...changes.filter((change) => change.before !== change.after || change.movedFrom !== null),
    ...removed.map(({ key, title, text }) => ({ key, title, before: text, after: null, movedFrom: null })),
  ];
}
