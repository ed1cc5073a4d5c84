import type { Problem } from './problem.ts';

/** No configuration of this name. */
export class UnknownConfiguration extends Error {
  readonly code = 'unknown-configuration';
  readonly field = 'configuration';

  constructor(name: string) {
    super(`no configuration is named "${name}"`);
  }
}

/** The configuration exists, this version of it does not. */
export class UnknownConfigurationVersion extends Error {
  readonly code = 'unknown-configuration-version';
  readonly field = 'version';

  constructor(name: string, version: number) {
    super(`configuration "${name}" has no version ${version}`);
  }
}

/** The name is taken: a new version goes to the existing configuration. */
export class ConfigurationExists extends Error {
  readonly code = 'configuration-exists';
  readonly field = 'name';

  constructor(name: string) {
    super(`a configuration named "${name}" exists already`);
  }
}

/** The name does not fit `names.ts`. */
export class InvalidName extends Error {
  readonly code = 'invalid-name';
  readonly field = 'name';
}

/** The text cannot be given to a collector; `problems` holds every finding, warnings too. */
export class InvalidConfiguration extends Error {
  readonly code = 'invalid-configuration';
  /** `body`, `files["x"]`, `overlays[0].body`, or another of its texts. */
  readonly field: string;
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], field = 'body') {
    const first = problems.find((problem) => problem.severity === 'error');
    const place = first?.line ? ` (line ${first.line}, column ${first.column})` : '';
    const text = field === 'body' ? '' : `${field}: `;
    super(`${text}${first?.message ?? 'invalid configuration'}${place}`);
    this.field = field;
    this.problems = problems;
  }
}

/** No fleet of this name. */
export class UnknownFleet extends Error {
  readonly code = 'unknown-fleet';
  readonly field = 'fleet';

  constructor(name: string) {
    super(`no fleet is named "${name}"`);
  }
}

/** The fleet has a rollout under way: abort it first. */
export class FleetInUse extends Error {
  readonly code = 'fleet-in-use';
  readonly field = 'name';

  constructor(name: string, rollout: string) {
    super(`fleet "${name}" has rollout ${rollout} under way; abort it first`);
  }
}

/** A priority that is not a whole number of 32 bits. */
export class InvalidPriority extends Error {
  readonly code = 'invalid-priority';
  readonly field = 'priority';
}

/** A rollout policy cannot be read; `field` names the member, as in `policy.waves`. */
export class InvalidPolicy extends Error {
  readonly code = 'invalid-policy';
  readonly field: string;

  constructor(member: string, reason: string) {
    super(`${member === '' ? 'policy' : member} ${reason}`);
    this.field = member === '' ? 'policy' : `policy.${member}`;
  }
}

/** A template cannot be read, or not be rendered for an agent; it names the variable that is undefined. */
export class InvalidTemplate extends Error {
  readonly code = 'invalid-template';
  readonly field: string;
  readonly reason: string;
  readonly variable: string | null;
  readonly position: { readonly line: number; readonly column: number } | null;

  /** `place` is "body", `files["x"]` or `overlays[0]`; `position` counts from 1. */
  constructor(
    place: string,
    reason: string,
    variable: string | null,
    position: { readonly line: number; readonly column: number } | null,
  ) {
    const where = position === null ? '' : ` (line ${position.line}, column ${position.column})`;
    super(`${place}: ${reason}${where}`);
    this.field = place;
    this.reason = reason;
    this.variable = variable;
    this.position = position;
  }
}

/** A file or an overlay of a configuration that cannot be; `field` names it. */
export class InvalidOverlay extends Error {
  readonly code = 'invalid-overlay';
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** A variable of a fleet that cannot be; `field` names it. */
export class InvalidVariable extends Error {
  readonly code = 'invalid-variable';
  readonly field: string;

  constructor(field: string, message: string) {
    super(message);
    this.field = field;
  }
}

/** A fleet cannot be restricted to these tokens. */
export class InvalidFleetTokens extends Error {
  readonly code = 'invalid-fleet-tokens';
  readonly field = 'tokens';
}

/** Nothing is offered until an operator has decided about a database that was put back. */
export class OffersHeld extends Error {
  readonly code = 'offers-held';

  constructor(reason: string) {
    super(`offers are held: ${reason}; decide what counts first (POST /api/v1/offer-hold/release)`);
  }
}

/** No offers are held. */
export class NoOfferHold extends Error {
  readonly code = 'no-offer-hold';

  constructor() {
    super('no offers are held');
  }
}

/** No quarantine in force has this id. */
export class UnknownQuarantine extends Error {
  readonly code = 'unknown-quarantine';
  readonly field = 'id';

  constructor(id: string) {
    super(`no quarantine in force has the id ${id}`);
  }
}

/** A version cannot be rendered for some agents of the fleet that is to get it, or no collector could read it. */
export class NotRenderable extends Error {
  readonly code = 'not-renderable';
  readonly field = 'version';

  /** `agents`: whom it concerns; null: all of the fleet. */
  constructor(error: InvalidTemplate, agents: readonly string[] | null) {
    const whom = agents
      ? `${agents.length} of the fleet's agents, such as ${agents[0]}`
      : "all of the fleet's agents";
    const cure = error.variable
      ? ': label them, set a variable of the fleet, or give a default (| default: …)'
      : '';
    super(`${error.message}; this concerns ${whom}${cure}`);
  }
}
