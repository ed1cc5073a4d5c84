import { sql, type Kysely } from 'kysely';

/** An agent belongs to the token or the certificate it came with. */
export async function up(db: Kysely<unknown>): Promise<void> {
  // May agents of other tokens come in by it?
  await sql`alter table enrollment_tokens add column may_take_over boolean not null default false`.execute(
    db,
  );
  // What the client certificate names by which the agent last came (16 bytes of a hash); null: it came by
  // enrollment_token_id. The two say whose agent it is: an agent that was known before is its last token's.
  await sql`alter table agent_states add column certificate_identity bytea`.execute(db);
  // Those that came without a token came by a certificate that was not noted: 16 zeros stand for any.
  await sql`
    update agent_states set certificate_identity = decode(repeat('00', 16), 'hex')
    where enrollment_token_id is null and peer_order is not null`.execute(db);
}

export async function down(db: Kysely<unknown>): Promise<void> {
  await sql`alter table agent_states drop column certificate_identity`.execute(db);
  await sql`alter table enrollment_tokens drop column may_take_over`.execute(db);
}
