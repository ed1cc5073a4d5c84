import { beforeEach } from 'vitest';

const lastCharacters = 6_000;

/** When a test of this suite fails, shows the end of what the processes wrote. */
export function showOnFailure(outputs: () => Record<string, string | undefined>): void {
  beforeEach(({ onTestFailed }) => {
    onTestFailed(() => {
      for (const [name, output] of Object.entries(outputs())) {
        if (output) console.error(`--- ${name} wrote:\n${output.slice(-lastCharacters)}\n---`);
      }
    });
  });
}
