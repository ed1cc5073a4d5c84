import { serverCapability } from '@muster/opamp/capabilities';
import type { ServerToAgentMessage } from '@muster/opamp/opamp';
import { allCapabilities, usualCapabilities } from '../messages.ts';
import { agentCapability } from '@muster/opamp/capabilities';
import { check, NotTestable } from '../outcome.ts';
import type { Row } from '../row.ts';
import { overBoth } from '../transport.ts';
import type { RowContext } from '../row-context.ts';

const head = { over: overBoth, section: 'ServerToAgent.capabilities' } as const;
const definedBits = Object.values(serverCapability).reduce<number>((all, bit) => all | bit, 0);
const quietMs = 1_500;

/** What the server said it can, in the first answer of a connection. */
async function saidFirst(context: RowContext): Promise<number> {
  return Number((await (await context.agent()).report()).capabilities);
}

/**
 * The bit tells the truth: while it is clear, an agent that can do everything gets nothing of the kind. What
 * a server does that sets it only an operator could see.
 */
async function checkClearBit(
  context: RowContext,
  bit: number,
  isOffered: (message: ServerToAgentMessage) => boolean,
  fields = {},
): Promise<void> {
  const agent = await context.agent({ capabilities: allCapabilities });
  const answer = await agent.exchange({ ...agent.fullState, ...fields });
  if ((Number(answer.capabilities) & bit) !== 0)
    throw new NotTestable('the bit is set: an operator has to offer');
  const heard = [...agent.received, ...(await agent.listen(context.quiet(quietMs)))];
  check(!heard.some(({ message }) => isOffered(message)), 'offered although the bit is clear');
}

/** Checklist 7, the server's bits. */
export const serverCapabilityRows: Row[] = [
  {
    ...head,
    number: '7.1',
    level: 'MUST',
    maturity: 'S',
    rule: 'the first answer on a connection says what the server can',
    needs: 'wire',
    async run(context) {
      check((await saidFirst(context)) !== 0, 'no capabilities in the first answer');
    },
  },
  {
    ...head,
    number: '7.2',
    level: 'MUST',
    maturity: 'S',
    rule: 'bits without a meaning are 0',
    needs: 'wire',
    async run(context) {
      const bits = await saidFirst(context);
      check(
        bits - (bits & definedBits) === 0,
        `capabilities ${bits.toString(16)} have bits that are not defined`,
      );
    },
  },
  {
    ...head,
    number: '7.6',
    level: 'MUST',
    maturity: 'S',
    rule: 'AcceptsStatus is always set',
    needs: 'wire',
    async run(context) {
      const bits = await saidFirst(context);
      check((bits & serverCapability.AcceptsStatus) !== 0, `capabilities are ${bits.toString(16)}`);
    },
  },
  {
    ...head,
    number: '7.7',
    level: 'MUST°',
    maturity: 'S',
    rule: 'OffersRemoteConfig is set if, and only if, configurations are offered',
    needs: 'operator',
    async run(context) {
      const agent = await context.listed();
      await context.operator.assignConfig(agent.key, 'receivers: {} # bit\n');
      const isSet = (context.serverCapabilities & serverCapability.OffersRemoteConfig) !== 0;
      if (isSet)
        await agent.hear(({ remoteConfig }) => remoteConfig != null, 'the bit is set, nothing was offered');
      else {
        const heard = await agent.listen(context.quiet(quietMs));
        check(!heard.some(({ message }) => message.remoteConfig), 'offered although the bit is clear');
      }
    },
  },
  {
    ...head,
    number: '7.8',
    level: 'MUST°',
    maturity: 'S',
    rule: 'AcceptsEffectiveConfig is set if, and only if, effective configurations are kept',
    offers: serverCapability.AcceptsEffectiveConfig,
    needs: 'operator',
    async run(context) {
      const agent = await context.reported();
      const isKept = ({ effectiveConfig }: { effectiveConfig: Record<string, string> | null }) =>
        effectiveConfig?.[''] === 'receivers: {}\n';
      await context.shows(agent, isKept, 'the bit is set, the effective config is not shown');
    },
  },
  {
    ...head,
    number: '7.9',
    level: 'MUST°',
    maturity: 'B',
    rule: 'OffersPackages is set if, and only if, packages are offered',
    needs: 'wire',
    run: (context) =>
      checkClearBit(
        context,
        serverCapability.OffersPackages,
        ({ packagesAvailable }) => packagesAvailable != null,
      ),
  },
  {
    ...head,
    number: '7.10',
    level: 'MUST°',
    maturity: 'B',
    rule: 'AcceptsPackagesStatus is set if, and only if, package statuses are kept',
    offers: serverCapability.AcceptsPackagesStatus,
    needs: 'operator',
    async run(context) {
      const capabilities = usualCapabilities | agentCapability.ReportsPackageStatuses;
      const agent = await context.agent({ capabilities });
      const packageStatuses = { packages: { top: { name: 'top', agentHasVersion: '1.0' } } };
      await agent.exchange({ ...agent.fullState, packageStatuses });
      const version = '1.0';
      await context.shows(
        agent,
        ({ packages }) => packages?.['top']?.agentHasVersion === version,
        'the bit is set, the packages are not shown',
      );
    },
  },
  {
    ...head,
    number: '7.11',
    level: 'MUST°',
    maturity: 'B',
    rule: 'OffersConnectionSettings is set if, and only if, settings are offered',
    needs: 'wire',
    run: (context) =>
      checkClearBit(
        context,
        serverCapability.OffersConnectionSettings,
        ({ connectionSettings }) => connectionSettings != null,
      ),
  },
  {
    ...head,
    number: '7.12',
    level: 'MUST°',
    maturity: 'D',
    rule: 'AcceptsConnectionSettingsRequest is set if, and only if, signing requests are handled',
    needs: 'wire',
    run: (context) =>
      checkClearBit(
        context,
        serverCapability.AcceptsConnectionSettingsRequest,
        ({ connectionSettings }) => connectionSettings != null,
        { connectionSettingsRequest: { opamp: { certificateRequest: { csr: Buffer.from('none') } } } },
      ),
  },
];
