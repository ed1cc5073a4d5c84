import { sql, type RawBuilder } from 'kysely';
import type { Requirement, Selector } from './selector.ts';
import { versionNumbers } from './version-numbers.ts';

/**
 * The selector as a condition on `agents`, for any query that reads the table under its own name. Equality
 * and `in` of labels, or of labels and attributes alike, can use the GIN index of `agents.matching` (`@>`); the
 * rest filters. Never null.
 */
export function whereSelector(selector: Selector): RawBuilder<boolean> {
  if (selector.requirements.length === 0) return sql<boolean>`true`;
  return sql<boolean>`(${sql.join(selector.requirements.map(condition), sql` and `)})`;
}

function condition(requirement: Requirement): RawBuilder<boolean> {
  if (requirement.source === 'token') return tokenCondition(requirement);
  const { key, source } = requirement;
  const values = source === undefined ? sql`agents.matching` : sql`agents.${sql.raw(columns[source])}`;
  switch (requirement.operator) {
    case 'exists':
      return sql<boolean>`jsonb_exists(${values}, ${key})`;
    case 'notExists':
      return sql<boolean>`not jsonb_exists(${values}, ${key})`;
    case 'in':
      // a label is in `matching` too, which has the index
      if (source === 'label') {
        return sql<boolean>`(${anyOf(sql`agents.matching`, key, requirement.values)}
          and ${anyOf(values, key, requirement.values)})`;
      }
      return anyOf(values, key, requirement.values);
    case 'notIn':
      return sql<boolean>`not ${anyOf(values, key, requirement.values)}`;
    default: {
      const { operator, version } = requirement;
      return sql<boolean>`coalesce(
        version_numbers(${values} ->> ${key}) ${sql.raw(operator)} ${versionNumbers(version)}::integer[], false)`;
    }
  }
}

const columns = { label: 'labels', attribute: 'attributes' };

function anyOf(column: RawBuilder<unknown>, key: string, values: readonly string[]): RawBuilder<boolean> {
  const each = values.map((value) => sql<boolean>`${column} @> ${JSON.stringify({ [key]: value })}::jsonb`);
  return sql<boolean>`(${sql.join(each, sql` or `)})`;
}

/**
 * By name, since a token that follows another under its name stands for the same agents. An agent belongs to the
 * token it came with last (`owner.ts`).
 */
function tokenCondition(requirement: Requirement): RawBuilder<boolean> {
  switch (requirement.operator) {
    case 'exists':
      return sql<boolean>`(${ownToken} is not null)`;
    case 'notExists':
      return sql<boolean>`(${ownToken} is null)`;
    case 'in':
      return named(requirement.values);
    case 'notIn':
      return sql<boolean>`(not ${named(requirement.values)})`;
    default:
      throw new Error('names of tokens have no order');
  }
}

const ownToken = sql`(select owned.enrollment_token_id from agent_states owned where owned.uid = agents.uid)`;

function named(names: readonly string[]): RawBuilder<boolean> {
  return sql<boolean>`coalesce(${ownToken} in (
    select id from enrollment_tokens where name = any(${names}::text[])), false)`;
}
