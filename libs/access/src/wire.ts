import type { Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import { AccessService } from './access-service.ts';
import { ApiKeyStore } from './api-key-store.postgres.ts';
import { Audit } from './audit.postgres.ts';
import { EnrollmentTokenStore } from './enrollment-token-store.postgres.ts';
import { TokenAgents } from './token-agents.ts';
import { SessionStore } from './session-store.postgres.ts';

/** Builds the services of access. */
export function wireAccess({
  db,
  bus,
  maxAgentsPerToken = 1_000_000,
}: {
  db: Kysely<Database>;
  bus: EventBus;
  /** Agents that a token without a limit of its own lets in; counts where gateways ask. */
  maxAgentsPerToken?: number | undefined;
}): {
  access: AccessService;
  audit: Audit;
} {
  const audit = new Audit(db);
  const tokens = new EnrollmentTokenStore(db);
  const access = new AccessService({
    db,
    bus,
    keys: new ApiKeyStore(db),
    sessions: new SessionStore(db),
    tokens,
    tokenAgents: new TokenAgents(maxAgentsPerToken, (id) => tokens.countAgents(id)),
    audit,
  });
  return { access, audit };
}

/** Answers what gateways ask about enrollment tokens, until stopped. */
export async function answerTokenRequests(bus: EventBus, access: AccessService): Promise<Subscription> {
  const responders = [
    await bus.respond('access.verify-token', ({ secretHash }) => access.verifyToken(secretHash)),
    await bus.respond('access.accepted-tokens', async () => ({ tokens: await access.acceptedTokens() })),
    await bus.respond('access.enroll', ({ enrollmentTokenId, uid, former }) =>
      access.enroll(enrollmentTokenId, uid, former),
    ),
  ];
  return {
    async stop() {
      await Promise.all(responders.map((responder) => responder.stop()));
    },
  };
}
