const keyOfLine = /^([ \t]*(?:- +)*)(?:"([^"\n]*)"|'([^'\n]*)'|([^\s#"'{[][^:\n]*)) *:(?=\s|$)/;

/** Follows a text from line to line with the keys that lead there, which broken YAML and templates have too. */
export class TextPlaces {
  readonly #text: string;
  #lineStart = 0;
  #line = 1;
  #keys: { column: number; name: string }[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#readKey();
  }

  /** Of an offset that is not before the last one. */
  next(offset: number): { path: string | null; line: number; column: number } {
    for (let end = this.#lineEnd(); end < offset; end = this.#lineEnd()) {
      this.#lineStart = end + 1;
      this.#line++;
      this.#readKey();
    }
    const path = [...this.#keys.map(({ name }) => name), ...this.#keysInFlow(offset)].join('.');
    return { path: path || null, line: this.#line, column: offset - this.#lineStart + 1 };
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#lineStart);
    return end === -1 ? this.#text.length : end;
  }

  #readKey(): void {
    const line = this.#text.slice(this.#lineStart, Math.min(this.#lineEnd(), this.#lineStart + 1024));
    const match = keyOfLine.exec(line);
    if (!match) return;
    const column = match[1]!.length;
    this.#keys = this.#keys.filter((key) => key.column < column);
    this.#keys.push({ column, name: match[2] ?? match[3] ?? match[4]!.trimEnd() });
  }

  /** The keys of `{…}` that are open where a value begins, the last of them its own. */
  #keysInFlow(offset: number): string[] {
    const before = this.#text.slice(Math.max(this.#lineStart, offset - 1024), offset);
    const open: string[] = [];
    for (const [part] of before.matchAll(/[{}]|["']?[\w./-]+["']?(?= *:[ "'{[])/g)) {
      if (part === '{') open.push('');
      else if (part === '}') open.pop();
      else if (open.length > 0) open[open.length - 1] = part.replaceAll(/["']/g, '');
    }
    return open.filter((name) => name !== '');
  }
}
