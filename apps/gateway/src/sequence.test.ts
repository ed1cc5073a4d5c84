import { describe, expect, it } from 'vitest';
import { agentCapability } from '@muster/opamp/capabilities';
import { AgentToServer, type AgentToServerFields } from '@muster/opamp/opamp';
import { scanAgentToServer } from '@muster/opamp/scan-agent-to-server';
import { countsAnew, judgeSequence, type SequenceQuestion } from './sequence.ts';

const { ReportsHealth, ReportsStatus } = agentCapability;
const full: AgentToServerFields = { agentDescription: {}, health: {} };

function judge(fields: AgentToServerFields, question: Partial<SequenceQuestion> = {}) {
  const message = scanAgentToServer(AgentToServer.encode(fields).finish());
  const capabilities = message.capabilities || ReportsStatus | ReportsHealth;
  return judgeSequence({ last: 7, message, capabilities, bringsNews: false, unordered: false, ...question });
}

describe('judgeSequence', () => {
  it.each([
    ['the following message', { sequenceNum: 8, capabilities: 1 }, {}, 'next'],
    ['the following message with everything', { sequenceNum: 8, ...full }, {}, 'next'],
    ['the same again', { sequenceNum: 7, health: {} }, {}, 'repeat'],
    ['the same number with something new', { sequenceNum: 7, health: {} }, { bringsNews: true }, 'gap'],
    ['a missing message', { sequenceNum: 9, capabilities: 1 }, {}, 'gap'],
    ['a missing message before a full state', { sequenceNum: 99, ...full }, {}, 'complete'],
    ['a restart with a full state', { sequenceNum: 0, ...full }, { bringsNews: true }, 'complete'],
    ['a restart without', { sequenceNum: 0, capabilities: 1 }, {}, 'gap'],
    ['a poll that says nothing', {}, {}, 'bare'],
    ['a message overtaken by its successor', { sequenceNum: 6, health: {} }, { unordered: true }, 'late'],
    ['the same over WebSocket', { sequenceNum: 6, health: {} }, {}, 'gap'],
    ['one that is too old to be overtaken', { sequenceNum: 1, health: {} }, { unordered: true }, 'gap'],
    ['an unknown agent with everything', { sequenceNum: 3, ...full }, { last: null }, 'complete'],
    ['an unknown agent with less', { sequenceNum: 0, agentDescription: {} }, { last: null }, 'gap'],
    ['an unknown agent that says nothing', {}, { last: null }, 'gap'],
  ] as const)('%s', (_, fields, question, verdict) => {
    expect(judge(fields, question)).toBe(verdict);
  });

  it.each([
    ['ReportsHealth', 'health'],
    ['ReportsEffectiveConfig', 'effectiveConfig'],
    ['ReportsRemoteConfig', 'remoteConfigStatus'],
    ['ReportsPackageStatuses', 'packageStatuses'],
    ['ReportsAvailableComponents', 'availableComponents'],
  ] as const)('misses what %s promises', (capability, field) => {
    const capabilities = agentCapability[capability];
    const message = { sequenceNum: 0, capabilities, agentDescription: {} };
    expect(judge(message, { last: null })).toBe('gap');
    expect(judge({ ...message, [field]: {} }, { last: null })).toBe('complete');
  });
});

it('counts anew from a restart, whatever it holds', () => {
  expect([countsAnew('complete', 7, 0), countsAnew('gap', 7, 7), countsAnew('gap', 7, 9)]).toEqual([
    true,
    true,
    false,
  ]);
  expect([countsAnew('complete', null, 0), countsAnew('late', 7, 6)]).toEqual([false, false]);
});
