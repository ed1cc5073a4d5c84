import { z } from 'zod';
import type { ReportFrame } from './report-frame.ts';

/*
 * Every subject on the bus and what travels on it. Facts are durable (JetStream), broadcasts are not,
 * requests have one answer. Uids are UUID text in JSON.
 */

export const agentChange = z.enum([
  'enrolled', // first report ever
  'connected',
  'disconnected',
  'description', // attributes or labels changed: selectors may match anew
  'capabilities',
  'health',
  'effectiveConfig',
  'configStatus', // remote_config_status changed, or an offer went out
  'components',
  'packages',
  'fleet', // membership changed
  'configuration', // desired state changed
  'deleted',
]);
export type AgentChange = z.infer<typeof agentChange>;

/** An instance_uid as UUID text. Agents choose their 16 bytes: they need not be a UUID of any version. */
const uid = z.guid();

/** What a committed batch changed. Emitted for redelivered reports too: consumers look at the tables. */
export const agentsChanged = z.object({
  agents: z.array(z.object({ uid, changes: z.array(agentChange) })),
});
export type AgentsChanged = z.infer<typeof agentsChanged>;

/** A gateway gave somebody another instance_uid. */
export const agentsReidentified = z.object({
  gateway: z.string(),
  /** The uid it called itself by. */
  former: uid,
  /** The one it was given. */
  uid,
  /** `duplicate`: another live client has the former one. `requested`: the agent asked. */
  reason: z.enum(['duplicate', 'requested']),
  remoteAddress: z.string(),
  /** `duplicate`: from where the client speaks that keeps the former uid, where it is known. */
  keptBy: z.string().optional(),
});
export type AgentsReidentified = z.infer<typeof agentsReidentified>;

/** Somebody wanted an agent that was another's, or whose connection was still open. */
export const agentsContested = z.object({
  /** Tells facts apart: a UUIDv7. */
  id: z.guid(),
  gateway: z.string(),
  /** The agent; null: any of the many that are counted together, since there were too many to tell of each. */
  uid: uid.nullable(),
  /** `takenOver`: it was given the agent. `refused`: it was not. `separated`: it was given another uid. */
  outcome: z.enum(['takenOver', 'refused', 'separated']),
  /** Whose the agent was, and who came: `token/<id>` or `certificate/<identity>`; empty: not known. */
  owner: z.string(),
  claimant: z.string(),
  /** From where each spoke; empty: not known. */
  ownerAddress: z.string(),
  remoteAddress: z.string(),
  /** How often since the last time it was told. */
  count: z.int(),
});
export type AgentsContested = z.infer<typeof agentsContested>;

export const rolloutChanged = z.object({ id: z.uuid(), fleet: z.string() });
export const fleetChanged = z.object({ name: z.string() });
export const configurationChanged = z.object({ name: z.string() });
export const credentialsEnded = z.object({ apiKeyId: z.uuid() });
export const enrollmentTokenRevoked = z.object({ id: z.uuid() });
export const enrollmentTokenChanged = z.object({ id: z.uuid(), mayTakeOver: z.boolean() });

/** How an enrollment token was judged. */
export const tokenVerdict = z.discriminatedUnion('accepted', [
  z.object({
    accepted: z.literal(true),
    enrollmentTokenId: z.uuid(),
    /** Unix milliseconds; null: never. */
    expiresAt: z.number().nullable(),
    /** The token has `maxUses`: ask `access.enroll` for every new agent. */
    limited: z.boolean(),
    /** Agents of other tokens may come in by it; left out: no. */
    mayTakeOver: z.boolean().optional(),
  }),
  z.object({ accepted: z.literal(false), reason: z.string() }),
]);
export type TokenVerdict = z.infer<typeof tokenVerdict>;

/** A token that lets agents in, by the SHA-256 of its secret, hex. */
export const acceptedToken = z.object({ secretHash: z.string(), verdict: tokenVerdict });
export const acceptedTokens = z.array(acceptedToken);
export type AcceptedTokens = z.infer<typeof acceptedTokens>;

export const schemas = {
  facts: {
    'agents.changed': agentsChanged,
    'agents.reidentified': agentsReidentified,
    'agents.contested': agentsContested,
    'rollouts.changed': rolloutChanged,
    'fleets.changed': fleetChanged,
    'configurations.changed': configurationChanged,
  },
  broadcasts: {
    /** So that gateways know a token before the first agent comes with it. */
    'access.token-created': acceptedToken,
    'access.token-revoked': enrollmentTokenRevoked,
    'access.token-changed': enrollmentTokenChanged,
    /** Sessions or API keys let nobody in any more: what they opened is to be judged anew. */
    'access.credentials-ended': credentialsEnded,
  },
  requests: {
    /** SHA-256 of the presented secret, hex. */
    'access.verify-token': {
      question: z.object({ secretHash: z.string() }),
      answer: tokenVerdict,
    },
    /** What gateways need to judge most agents without a question for each token; the newest, up to a limit. */
    'access.accepted-tokens': {
      question: z.object({}),
      answer: z.object({ tokens: acceptedTokens }),
    },
    /**
     * May this agent enrol with a limited token? Counts it; the same agent counts once, also when it has
     * another name than its `former` one now.
     */
    'access.enroll': {
      question: z.object({ enrollmentTokenId: z.uuid(), uid, former: uid.optional() }),
      answer: z.object({ accepted: z.boolean(), reason: z.string().optional() }),
    },
  },
};

export interface Facts {
  reports: ReportFrame;
  'agents.changed': AgentsChanged;
  'agents.reidentified': AgentsReidentified;
  'agents.contested': AgentsContested;
  'rollouts.changed': z.infer<typeof rolloutChanged>;
  'fleets.changed': z.infer<typeof fleetChanged>;
  'configurations.changed': z.infer<typeof configurationChanged>;
}

export interface Broadcasts {
  'access.token-created': z.infer<typeof acceptedToken>;
  'access.token-revoked': z.infer<typeof enrollmentTokenRevoked>;
  'access.token-changed': z.infer<typeof enrollmentTokenChanged>;
  'access.credentials-ended': z.infer<typeof credentialsEnded>;
}

export interface Requests {
  'access.verify-token': { question: { secretHash: string }; answer: TokenVerdict };
  'access.accepted-tokens': { question: Record<string, never>; answer: { tokens: AcceptedTokens } };
  'access.enroll': {
    question: { enrollmentTokenId: string; uid: string; former?: string | undefined };
    answer: { accepted: boolean; reason?: string | undefined };
  };
}
