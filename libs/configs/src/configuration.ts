/** A named series of immutable versions. */
export interface Configuration {
  readonly name: string;
  readonly description: string;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly latest: ConfigurationVersion;
}

/** Liquid templates that become the files of each agent, and what is merged onto them for some agents. */
export interface ConfigurationText {
  /** The file named "", which a collector takes as its one configuration; empty beside `files`: there is none. */
  readonly body: string;
  /** Further files, name → template. */
  readonly files: Readonly<Record<string, string>>;
  /** In the order they are merged: where two set the same value, the later one counts. */
  readonly overlays: readonly Overlay[];
}

/** A piece of YAML for the agents that match. */
export interface Overlay {
  /** Over the agent's attributes and labels; empty: every agent. */
  readonly selector: string;
  /** The file it is merged onto; "": the body. */
  readonly file: string;
  readonly body: string;
}

/** One version: its text never changes. Versions of a configuration count 1, 2, 3… */
export interface ConfigurationVersion extends ConfigurationText {
  readonly name: string;
  readonly version: number;
  /** The version it was made from; null: none. */
  readonly parent: number | null;
  readonly comment: string;
  readonly createdAt: Date;
  readonly createdBy: string;
}

/** How people and errors call one of its texts. */
export function textPlace(file: string): string {
  return file === '' ? 'body' : `files["${file}"]`;
}

/** The name of the file that `textPlace` was given; an overlay's place stays as it is. */
export function fileAt(place: string): string {
  return place === 'body' ? '' : (/^files\["(.*)"\]$/.exec(place)?.[1] ?? place);
}
