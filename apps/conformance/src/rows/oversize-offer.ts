import { check, NotTestable } from '../outcome.ts';
import type { Row } from '../row.ts';
import type { Transport } from '../transport.ts';

const listenMs = 2_000;

/** The same rule stands at both transports: what is larger than the limit is not sent (2.10, 3.8). */
export function oversizeOfferRow(number: string, section: string, over: readonly Transport[]): Row {
  return {
    number,
    level: 'MUST',
    maturity: 'S',
    section,
    rule: 'the server sends nothing over its own limit, and should record that it did not',
    over,
    needs: 'operator',
    async run(context) {
      const { maxMessageBytes, operator } = { ...context.target, operator: context.operator };
      if (operator.largestConfig <= maxMessageBytes) {
        throw new NotTestable(
          'no configuration that can be assigned is over the limit: start it with a lower one',
        );
      }
      const agent = await context.listed();
      const body = `receivers: {} # ${'x'.repeat(maxMessageBytes)}\n`;
      await operator.assignConfig(agent.key, body);
      const heard = await agent.listen(context.quiet(listenMs));
      const largest = Math.max(0, ...heard.map(({ bytes }) => bytes.length));
      check(largest <= maxMessageBytes, `a message of ${largest} bytes was sent`);
      await context.shows(
        agent,
        ({ configError }) => Boolean(configError),
        'nothing is shown of why it was not sent',
      );
    },
  };
}
