import type { RowContext } from './row-context.ts';
import type { Transport } from './transport.ts';

/** How binding the specification's text is; ° = no capitalised keyword, it follows from the rest of the text. */
export type Level = 'MUST' | 'MUST°' | 'MUST NOT' | 'SHOULD' | 'SHOULD°' | 'SHOULD NOT' | 'MAY';

/** Stability of the part of the protocol: stable, beta, in development. */
export type Maturity = 'S' | 'B' | 'D';

interface RowHead {
  /** Chapter and number: `2.9`. */
  number: string;
  level: Level;
  maturity: Maturity;
  /** Heading of the specification, or the message field that the rule is written at. */
  section: string;
  /** The rule, in our words. */
  rule: string;
  over: readonly Transport[];
}

/** A row that no look at the endpoint can decide. */
export interface UntestableRow extends RowHead {
  needs: 'elsewhere';
  /** As for rows that are run. */
  offers?: number;
  /** What a test of it would need. */
  why: string;
}

/** A row that is decided by talking to the server. */
export interface TestableRow extends RowHead {
  /** `wire`: the OpAMP endpoint alone. `operator`: someone acts on the server or looks at what it shows. */
  needs: 'wire' | 'operator';
  /** Only a server that sets this bit of its capabilities is asked; for others the row is not offered. */
  offers?: number;
  /** Milliseconds; the runner's default when left out. */
  deadlineMs?: number;
  /** Runs after the others, with nothing beside it. */
  alone?: boolean;
  /** Returns when the rule is met; throws the other outcomes (`outcome.ts`). */
  run(context: RowContext): Promise<void>;
}

export type Row = TestableRow | UntestableRow;
