const output = /\{\{.*?\}\}/gs;

/**
 * Lets templates be read as YAML, to which `{{ … }}` would be a mapping: a word that is in none of the texts
 * stands for each of them until it is shown again.
 */
export class TemplateOutputs {
  readonly #word: string;
  readonly #outputs: string[] = [];

  /** `texts`: all that are hidden or shown with it. */
  constructor(texts: readonly string[]) {
    let word = 'musterOutput';
    while (texts.some((text) => text.includes(word))) word += 'X';
    this.#word = word;
  }

  hide(text: string): string {
    return text.replace(output, (found) => `${this.#word}${this.#outputs.push(found) - 1}x`);
  }

  show(text: string): string {
    return text.replace(new RegExp(`${this.#word}(\\d+)x`, 'g'), (_word, index) => this.#outputs[index]!);
  }

  /** Does an output stand in this name? */
  isIn(name: string): boolean {
    return name.includes(this.#word);
  }
}
