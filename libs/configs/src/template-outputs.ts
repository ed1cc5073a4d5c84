/**
 * Lets templates be read as YAML, to which `{{ … }}` would be a mapping: a word that is in none of the texts
 * stands for each of them until it is shown again.
 */
export class TemplateOutputs {
  readonly #word: string;
  readonly #outputs: string[] = [];

  /** `texts`: all that are hidden or shown with it. */
  constructor(texts: readonly string[]) {
    const longest = texts.flatMap((text) =>
      Array.from(text.matchAll(/musterOutput(X*)/g), ([, x]) => x!.length),
    );
    this.#word = `musterOutput${'X'.repeat(longest.reduce((most, length) => Math.max(most, length + 1), 0))}`;
  }

  hide(text: string): string {
    const parts: string[] = [];
    let from = 0;
    for (let open = text.indexOf('{{'); open !== -1; open = text.indexOf('{{', from)) {
      const close = text.indexOf('}}', open + 2);
      if (close === -1) break;
      const index = this.#outputs.push(text.slice(open, close + 2)) - 1;
      parts.push(text.slice(from, open), `${this.#word}${index}x`);
      from = close + 2;
    }
    return parts.join('') + text.slice(from);
  }

  show(text: string): string {
    return text.replace(new RegExp(`${this.#word}(\\d+)x`, 'g'), (_word, index) => this.#outputs[index]!);
  }

  /** Does an output stand in this name? */
  isIn(name: string): boolean {
    return name.includes(this.#word);
  }
}
