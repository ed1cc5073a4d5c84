import type { Kysely } from 'kysely';
import type { Database } from '@muster/db/schema';
import type { EventBus, Subscription } from '@muster/messages/event-bus';
import { AccessService } from './access-service.ts';
import { ApiKeyStore } from './api-key-store.postgres.ts';
import { Audit } from './audit.postgres.ts';
import { EnrollmentTokenStore } from './enrollment-token-store.postgres.ts';
import { SessionStore } from './session-store.postgres.ts';

/** Builds the services of access. */
export function wireAccess({ db, bus }: { db: Kysely<Database>; bus: EventBus }): {
  access: AccessService;
  audit: Audit;
} {
  const audit = new Audit(db);
  const access = new AccessService({
    db,
    bus,
    keys: new ApiKeyStore(db),
    sessions: new SessionStore(db),
    tokens: new EnrollmentTokenStore(db),
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
