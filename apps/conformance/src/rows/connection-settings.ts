import { serverCapability } from '@muster/opamp/capabilities';
import { checkNoError } from '../answers.ts';
import { closedWithoutFrame, HandshakeRefused } from '../raw-websocket.ts';
import { check } from '../outcome.ts';
import type { Level, Maturity, Row } from '../row.ts';
import { overBoth } from '../transport.ts';
import { WebSocketLink } from '../link.ts';

const settings = 'Connection Settings Management';
const flow = 'OpAMP Connection Setting Offer Flow';
const telemetry = 'Own Telemetry Reporting';
const csrFlow = 'Agent-initiated CSR Flow';

/** A rule about offers of settings: it binds a server that offers any, and needs someone to order one. */
function offer(number: string, level: Level, maturity: Maturity, section: string, rule: string): Row {
  const offers = serverCapability.OffersConnectionSettings;
  const why = 'someone would have to order an offer of settings';
  return { number, level, maturity, section, rule, over: overBoth, offers, needs: 'elsewhere', why };
}

/** A rule about certificate signing requests: it binds a server that takes them. */
function signing(number: string, level: Level, section: string, rule: string): Row {
  const offers = serverCapability.AcceptsConnectionSettingsRequest;
  const why = 'a request would have to be signed and approved';
  return { number, level, maturity: 'D', section, rule, over: overBoth, offers, needs: 'elsewhere', why };
}

/** Checklist 14 and 15: connection settings and certificate signing requests. */
export const connectionSettingsRows: Row[] = [
  offer('14.1', 'MUST', 'B', settings, 'a class of settings goes only to agents with its bit'),
  offer(
    '14.2',
    'MUST°',
    'B',
    'ConnectionSettingsOffers.hash',
    'the hash covers all settings, also those left out',
  ),
  offer('14.3', 'MUST°', 'B', 'ConnectionSettingsOffers', 'what is left out of an offer has not changed'),
  offer(
    '14.4',
    'SHOULD',
    'B',
    telemetry,
    'own telemetry is offered in the first message to an agent, and on change',
  ),
  offer('14.5', 'SHOULD NOT', 'B', telemetry, 'settings that have not changed are not sent'),
  offer(
    '14.6',
    'MUST',
    'B',
    'OpAMPConnectionSettings.destination_endpoint',
    'the OpAMP endpoint is a full URL',
  ),
  offer('14.7', 'MAY', 'B', 'OpAMPConnectionSettings', 'credentials and another endpoint may be offered'),
  offer(
    '14.8',
    'MUST',
    'B',
    'TLSCertificate',
    'a certificate comes with its key, and its CA if one signed it',
  ),
  offer('14.9', 'MAY', 'D', 'TLSConnectionSettings', 'TLS settings may be offered; left out = unchanged'),
  offer('14.10', 'MAY', 'D', 'ProxyConnectionSettings', 'a proxy may be offered, never with an empty URL'),
  offer(
    '14.11',
    'MUST',
    'B',
    'TelemetryConnectionSettings',
    'a telemetry endpoint is a full OTLP/HTTP URL with path',
  ),
  offer(
    '14.12',
    'MAY',
    'B',
    'OtherConnectionSettings',
    'other connections are offered by name, changes alone',
  ),
  offer(
    '14.13',
    'MUST',
    'D',
    'ConnectionSettingsStatus',
    'a report of another hash is answered with the settings',
  ),
  offer(
    '14.14',
    'MUST°',
    'D',
    'ConnectionSettingsStatus',
    'status and error are kept; what FAILED is not offered again',
  ),
  offer(
    '14.15',
    'MUST°',
    'B',
    flow,
    'the old credential counts until the agent came in with the new one, then no more',
  ),
  offer('14.16', 'MUST°', 'B', flow, 'an agent that fails with the new settings comes back with the old'),
  offer(
    '14.17',
    'MAY',
    'B',
    'Trust On First Use',
    'an agent without credential may wait for approval, and get nothing else',
  ),
  offer(
    '14.18',
    'MAY',
    'B',
    'Registration On First Use',
    'a shared first credential may be replaced by an own one',
  ),
  {
    number: '14.19',
    level: 'MAY',
    maturity: 'B',
    section: 'Revoking Access',
    rule: 'access can be revoked: the agent is disconnected and refused',
    over: overBoth,
    needs: 'operator',
    async run(context) {
      const { token, revoke } = await context.operator.makeToken();
      const link = await context.link(token);
      const agent = await context.reported({}, link);
      await context.shows(agent, ({ connected }) => connected, 'not shown as connected');
      await revoke();
      if (link instanceof WebSocketLink) {
        await agent.until(() => link.socket.isClosed, 'the live connection stays open');
        check((await link.socket.closed) !== closedWithoutFrame, 'cut without a Close frame');
        const again = await context.webSocket({ token }).catch((error: unknown) => error);
        check(again instanceof HandshakeRefused, 'let in again');
        check(again.status === 401, `refused with status ${again.status}`);
      } else {
        const { status } = await context.http(token).http.post(agent.next());
        check(status === 401, `the next poll was answered with status ${status}`);
      }
    },
  },
  offer(
    '14.20',
    'MUST',
    'B',
    'Revoking Access',
    'destinations of other credentials are told of a revocation',
  ),
  offer(
    '14.21',
    'MUST°',
    'B',
    'Certificate Generation',
    'certificates that are issued are trusted where they are for',
  ),
  signing('15.1', 'SHOULD', csrFlow, 'a request is checked and answered with a certificate'),
  signing('15.2', 'MUST°', csrFlow, 'the answer has no private key, and the CA that signed'),
  signing('15.3', 'MUST', csrFlow, 'a request that fails is answered with BAD_REQUEST'),
  signing('15.4', 'MAY', csrFlow, 'a request may be approved by hand, the offer come later'),
  signing('15.5', 'MUST', 'Using instance_uid in the CSR', "a uid in the request is the message's"),
  signing(
    '15.6',
    'MUST NOT',
    'Using instance_uid in the CSR',
    "a uid other than the connection's certificate has is no reason to refuse",
  ),
  signing(
    '15.7',
    'MAY',
    'Using instance_uid in the CSR',
    "the message's uid may be checked against the certificate",
  ),
  signing('15.8', 'MUST°', csrFlow, 'a bootstrap certificate, if shown, is validated'),
  {
    number: '15.9',
    level: 'MUST°',
    maturity: 'D',
    section: 'ConnectionSettingsRequest',
    rule: 'a request that asks for nothing is answered plainly',
    over: overBoth,
    needs: 'wire',
    async run(context) {
      const agent = await context.reported();
      const answer = await agent.exchange({ connectionSettingsRequest: {} });
      checkNoError(answer, 'an empty connection_settings_request');
      check(!answer.connectionSettings, 'answered with settings');
    },
  },
  signing('15.10', 'MUST°', csrFlow, 'certificates are renewed any time, the same way'),
];
