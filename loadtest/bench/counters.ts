import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { Client } from 'pg';
import type { Operations } from './subject.ts';

/** Of one `read`. */
const ownTransactions = 2;

/** Counts what the parts behind the gateways do. */
export class Counters {
  readonly #database: Client;
  readonly #natsMonitor: number | null;
  readonly #redis: number | null;
  /** Transactions of the counting itself. */
  #own = 0;

  private constructor(database: Client, natsMonitor: number | null, redis: number | null) {
    this.#database = database;
    this.#natsMonitor = natsMonitor;
    this.#redis = redis;
  }

  /** `directory` holds the embedded PostgreSQL. */
  static async open(
    directory: string,
    { natsMonitor, redis }: { natsMonitor: number | null; redis: number | null },
  ): Promise<Counters> {
    const database = new Client({
      host: '127.0.0.1',
      port: Number(readFileSync(`${directory}/postgres/postmaster.pid`, 'utf8').split('\n')[3]),
      user: 'muster',
      database: 'postgres',
      password: readFileSync(`${directory}/postgres-password`, 'utf8').trim(),
    });
    await database.connect();
    return new Counters(database, natsMonitor, redis);
  }

  async read(): Promise<Operations> {
    // PostgreSQL's counters come up to a second late
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const { rows: tables } = await this.#database.query<{ name: string; written: string }>(
      'select relname as name, n_tup_ins + n_tup_upd + n_tup_del as written from pg_stat_user_tables',
    );
    const { rows: transactions } = await this.#database.query<{ count: string }>(
      'select sum(xact_commit + xact_rollback) as count from pg_stat_database',
    );
    const details = Object.fromEntries(tables.map(({ name, written }) => [name, Number(written)]));
    const sql = Number(transactions[0]?.count ?? 0) - this.#own;
    this.#own += ownTransactions;
    return {
      bus: await this.#busMessages(),
      redis: await this.#redisCommands(),
      sql,
      rows: Object.values(details).reduce((sum, count) => sum + count, 0),
      details,
    };
  }

  /** Agents as the API shows them, without what its overview costs beside: a look is not to be measured. */
  async shown(): Promise<{ connected: number; disconnected: number }> {
    const { rows } = await this.#database.query<{ connected: boolean; count: number }>(
      'select connected, count(*)::int as count from agent_states group by connected',
    );
    this.#own += 1;
    const countOf = (connected: boolean) => rows.find((row) => row.connected === connected)?.count ?? 0;
    return { connected: countOf(true), disconnected: countOf(false) };
  }

  /** Agents whose APPLIED for what this rollout brings is stored. */
  async applied(rollout: string): Promise<number> {
    const { rows } = await this.#database.query<{ count: number }>(
      `select count(*)::int as count from agent_states
      where remote_config_status = 1
        and remote_config_hash = (select hash from rollout_agents where rollout_id = $1 limit 1)`,
      [rollout],
    );
    this.#own += 1;
    return rows[0]?.count ?? 0;
  }

  async close(): Promise<void> {
    await this.#database.end();
  }

  async #busMessages(): Promise<number> {
    if (this.#natsMonitor === null) return 0;
    const answer = await fetch(`http://127.0.0.1:${this.#natsMonitor}/varz`);
    const { in_msgs: published } = (await answer.json()) as { in_msgs: number };
    return published;
  }

  async #redisCommands(): Promise<number> {
    if (this.#redis === null) return 0;
    const info = await ask(this.#redis, 'INFO stats\r\n');
    return Number(/total_commands_processed:(\d+)/.exec(info)?.[1] ?? 0);
  }
}

function ask(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(text));
    socket.setEncoding('utf8').once('error', reject);
    socket.once('data', (said: string) => {
      socket.destroy();
      resolve(said);
    });
  });
}
