import { InvalidSelector } from '@muster/agents/errors';
import { findCredentials, findCredentialsInValue } from '@muster/agents/credential-shapes';
import { formatSelector, parseSelector } from '@muster/agents/selector';
import type { Tx } from '@muster/db/transaction';
import type { Announcer } from './announcer.ts';
import type { ConfigurationStore } from './configuration-store.postgres.ts';
import {
  FleetInUse,
  InvalidFleetTokens,
  InvalidPriority,
  InvalidVariable,
  UnknownConfiguration,
  UnknownFleet,
} from './errors.ts';
import type { Fleet } from './fleet.ts';
import type { FleetStore } from './fleet-store.postgres.ts';
import type { FleetViews } from './fleet-views.postgres.ts';
import { checkName } from './names.ts';
import { parsePolicy } from './policy.ts';

export interface FleetInput {
  readonly name: string;
  readonly selector: string;
  /**
   * Names of the enrollment tokens whose agents alone it takes; null: of all. Left out: as it was, all at first.
   */
  readonly tokens?: readonly string[] | null | undefined;
  /** Left out: as it was, 0 at first. */
  readonly priority?: number | undefined;
  /** Only checked: a fleet's stable version changes by rollouts alone. */
  readonly configuration?: string | undefined;
  /** Left out: as it was, the default policy at first. */
  readonly policy?: unknown;
  /** What templates read as `variables`; left out: as they were. They count from the next rollout on. */
  readonly variables?: Readonly<Record<string, string>> | undefined;
}

/** Fleets: who belongs together, and how their rollouts go by default. */
export class FleetService {
  readonly #store: FleetStore;
  readonly #views: FleetViews;
  readonly #configurations: ConfigurationStore;
  readonly #announcer: Announcer;

  constructor(
    store: FleetStore,
    views: FleetViews,
    configurations: ConfigurationStore,
    announcer: Announcer,
  ) {
    this.#store = store;
    this.#views = views;
    this.#configurations = configurations;
    this.#announcer = announcer;
  }

  /**
   * Makes or changes a fleet and places the agents it concerns, all in `tx`. Throws `InvalidName`,
   * `InvalidSelector`, `InvalidFleetTokens`, `InvalidPriority`, `InvalidPolicy`, `InvalidVariable`, `UnknownConfiguration`.
   */
  async put(tx: Tx, _actor: string, input: FleetInput): Promise<{ fleet: Fleet; created: boolean }> {
    const { name, selector, tokens, priority, variables } = input;
    checkName(name);
    checkSelector(selector);
    checkPriority(priority);
    checkVariables(variables ?? {});
    const policy = input.policy === undefined ? undefined : parsePolicy(input.policy);
    await this.#checkConfiguration(tx, input.configuration);
    await this.#store.lockRules(tx);
    await this.#checkTokens(tx, name, tokens);
    const created = await this.#store.put(tx, { name, selector, tokens, priority, policy, variables });
    await this.#place(tx, name);
    return { fleet: (await this.#views.within(tx).find(name))!, created };
  }

  /** By name. */
  list(): Promise<Fleet[]> {
    return this.#views.list();
  }

  find(name: string): Promise<Fleet | null> {
    return this.#views.find(name);
  }

  /**
   * Removes a fleet with the record of its rollouts; its agents keep their configuration and go to the fleet
   * that matches next. Throws `UnknownFleet`, `FleetInUse`.
   */
  async delete(tx: Tx, _actor: string, name: string): Promise<void> {
    await this.#store.lockRules(tx);
    const rollout = await this.#store.lockActiveRollout(tx, name);
    if (rollout) throw new FleetInUse(name, rollout);
    if (!(await this.#store.delete(tx, name))) throw new UnknownFleet(name);
    await this.#place(tx, name);
  }

  async #place(tx: Tx, name: string): Promise<void> {
    const moved = await this.#store.placeConcerned(tx, name);
    tx.afterCommit(() => this.#announcer.announce('fleets.changed', { name }));
    tx.afterCommit(() => this.#announcer.announceAgents(moved, 'fleet'));
  }

  /** A fleet may keep a token that is gone: its agents stay where they are. */
  async #checkTokens(tx: Tx, name: string, tokens: readonly string[] | null | undefined): Promise<void> {
    if (!tokens) return;
    if (tokens.length === 0) {
      throw new InvalidFleetTokens('name at least one enrollment token; null lets agents of every token in');
    }
    const unknown = await this.#store.unknownTokens(tx, name, tokens);
    if (unknown.length === 0) return;
    throw new InvalidFleetTokens(
      `no enrollment token is named ${unknown.map((token) => `"${token}"`).join(' or ')}: create it first`,
    );
  }

  async #checkConfiguration(tx: Tx, name: string | undefined): Promise<void> {
    if (name === undefined || (await this.#configurations.find(name, tx.db))) return;
    throw new UnknownConfiguration(name);
  }
}

function checkSelector(selector: string): void {
  const { requirements } = parseSelector(selector);
  const ofTokens = requirements.filter(({ source }) => source === 'token');
  for (const requirement of ofTokens) {
    // the secret of a token in place of its name
    const [found] = 'values' in requirement ? requirement.values.flatMap(findCredentials) : [];
    if (found) throw new InvalidSelector(`"token:" takes the name of a token, not its secret; it stands`, 0);
  }
  // `token:name` reads like a credential under the key `token`
  const searched =
    ofTokens.length === 0
      ? selector
      : formatSelector({ requirements: requirements.filter(({ source }) => source !== 'token') });
  const [found] = findCredentials(searched);
  if (found)
    throw new InvalidSelector(`a selector holds no credentials (${found.kind}); one begins`, found.start);
}

function checkPriority(priority: number | undefined): void {
  if (priority === undefined || (Number.isInteger(priority) && Math.abs(priority) < 2 ** 31)) return;
  throw new InvalidPriority('priority must be a whole number');
}

const variableName = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const maxVariables = 100;
const maxVariable = 4096;

function checkVariables(variables: Readonly<Record<string, string>>): void {
  const entries = Object.entries(variables);
  if (entries.length > maxVariables) {
    throw new InvalidVariable('variables', `a fleet has at most ${maxVariables} variables`);
  }
  for (const [name, value] of entries) {
    const field = `variables.${name}`;
    if (!variableName.test(name)) {
      throw new InvalidVariable(
        field,
        'a variable\'s name has letters, digits and "_", and begins with no digit',
      );
    }
    const [found] = findCredentialsInValue(name, value);
    if (found) {
      throw new InvalidVariable(
        field,
        `holds a credential (${found.kind}); variables are shown to everybody: write a reference such as \${env:NAME} instead, which only the agent's host resolves`,
      );
    }
    if (value.length > maxVariable || /\p{Cc}/u.test(value)) {
      throw new InvalidVariable(field, `a variable is one line of at most ${maxVariable} characters`);
    }
  }
}
