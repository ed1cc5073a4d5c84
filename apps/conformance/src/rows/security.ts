import { HandshakeRefused, RawWebSocket } from '../raw-websocket.ts';
import { agentCapability } from '@muster/opamp/capabilities';
import { check, NotOffered, NotTestable } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';
import type { RowContext } from '../row-context.ts';
import { ScriptedAgent } from '../scripted-agent.ts';
import { usualCapabilities } from '../messages.ts';

const head = { over: overBoth, maturity: 'B' } as const;

/** The status with which the server answers an agent of these headers; 101 or 200 when it is let in. */
async function statusFor(context: RowContext, headers: Record<string, string>): Promise<number> {
  if (context.transport === 'http') {
    const http = context.rawHttp(context.url('http'), headers);
    const agent = new ScriptedAgent(context.http());
    return (await http.post(agent.next(agent.fullState))).status;
  }
  try {
    (await RawWebSocket.open(context.url(), headers)).cut();
    return 101;
  } catch (error) {
    if (error instanceof HandshakeRefused) return error.status;
    throw error;
  }
}

function needsToken({ target }: RowContext): string {
  if (target.token === null) throw new NotTestable('the suite was given no credential');
  return target.token;
}

/** Checklist 21: authentication and security. */
export const securityRows: Row[] = [
  {
    ...head,
    number: '21.1',
    level: 'MAY',
    section: 'Authentication',
    rule: 'agents are let in by an HTTP authentication scheme, before the upgrade',
    needs: 'wire',
    async run(context) {
      needsToken(context);
      const status = await statusFor(context, context.headers());
      check(status === 101 || status === 200, `a good credential was answered with status ${status}`);
      const without = await statusFor(context, {});
      if (without < 400) throw new NotOffered('agents are let in without a credential');
    },
  },
  {
    ...head,
    number: '21.2',
    level: 'MUST',
    section: 'Authentication',
    rule: 'a missing, wrong or revoked credential is answered with 401',
    needs: 'wire',
    async run(context) {
      const token = needsToken(context);
      const bad: Record<string, Record<string, string>> = {
        'no credential': {},
        'a wrong token': { Authorization: 'Bearer wrong' },
        'a token with one character more': { Authorization: `Bearer ${token}x` },
        'an unknown scheme': { Authorization: `Nonsense ${token}` },
      };
      if (context.mayHaveOperator) {
        const made = await context.mayHaveOperator.makeToken();
        const headers = context.headers(made.token);
        const before = await statusFor(context, headers);
        check(before < 400, `a new token was answered with status ${before}`);
        await made.revoke();
        bad['a revoked token'] = headers;
      }
      for (const [what, headers] of Object.entries(bad)) {
        const status = await statusFor(context, headers);
        check(status === 401, `${what} was answered with status ${status}`);
      }
    },
  },
  {
    ...head,
    number: '21.3',
    level: 'MAY',
    section: 'Connection Settings Management',
    rule: 'client certificates may let agents in, also behind a proxy',
    needs: 'elsewhere',
    why: 'certificates would have to be made and the server told to trust them',
  },
  {
    ...head,
    number: '21.4',
    level: 'SHOULD°',
    section: 'Code Signing',
    rule: 'keys of the CA and for signing code are not on the server that agents speak to',
    needs: 'elsewhere',
    why: 'where a key is kept is not seen from outside',
  },
  {
    ...head,
    number: '21.5',
    level: 'SHOULD°',
    section: 'Trust On First Use',
    rule: 'agents may come over TLS, and then not in the clear',
    needs: 'wire',
    async run(context) {
      const { protocol } = context.target.url;
      if (protocol !== 'wss:' && protocol !== 'https:')
        throw new NotTestable('the suite was given an address without TLS');
      await context.reported();
      const clear = context.url();
      clear.protocol = context.transport === 'websocket' ? 'ws:' : 'http:';
      const agent = new ScriptedAgent(context.http());
      const taken =
        context.transport === 'websocket'
          ? await RawWebSocket.open(clear, context.headers()).then(
              () => true,
              () => false,
            )
          : await context
              .rawHttp(clear, context.headers())
              .post(agent.next(agent.fullState))
              .then(
                ({ status }) => status === 200,
                () => false,
              );
      check(!taken, 'an agent in the clear is served on the TLS port');
    },
  },
  {
    ...head,
    maturity: 'S',
    number: '21.6',
    level: 'SHOULD°',
    section: 'Opt-in Remote Configuration',
    rule: 'an agent that takes no configuration is monitored all the same',
    needs: 'operator',
    async run(context) {
      const capabilities = usualCapabilities & ~agentCapability.AcceptsRemoteConfig;
      const agent = await context.listed({ capabilities });
      await context.shows(agent, ({ healthy }) => healthy === true, 'its health is not shown');
    },
  },
];
