import { SubjectFailed } from './subject.ts';

/** What the bench reads of Muster's API. */
export interface Rollout {
  id: string;
}

/** The REST API with the admin key. */
export class MusterApi {
  readonly #url: string;
  readonly #key: string;

  constructor(port: number, key: string) {
    this.#url = `http://127.0.0.1:${port}`;
    this.#key = key;
  }

  isReady(): Promise<boolean> {
    return fetch(`${this.#url}/readyz`).then(
      ({ ok }) => ok,
      () => false,
    );
  }

  async call<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    const response = await fetch(`${this.#url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new SubjectFailed(`${method} ${path}: ${response.status} ${text.slice(0, 300)}`);
    return JSON.parse(text) as Answer;
  }
}
