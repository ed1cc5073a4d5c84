import { sql, type RawBuilder } from 'kysely';
import type { Requirement, Selector } from './selector.ts';
import { versionNumbers } from './version-numbers.ts';

/**
 * The selector as a condition on `agents.matching`, for any query that reads the table under its own
 * name. Equality and `in` can use the GIN index (`@>`); the rest filters.
 */
export function whereSelector(selector: Selector): RawBuilder<boolean> {
  if (selector.requirements.length === 0) return sql<boolean>`true`;
  return sql<boolean>`(${sql.join(selector.requirements.map(condition), sql` and `)})`;
}

function condition(requirement: Requirement): RawBuilder<boolean> {
  switch (requirement.operator) {
    case 'exists':
      return sql<boolean>`jsonb_exists(agents.matching, ${requirement.key})`;
    case 'notExists':
      return sql<boolean>`not jsonb_exists(agents.matching, ${requirement.key})`;
    case 'in':
      return anyOf(requirement.key, requirement.values);
    case 'notIn':
      return sql<boolean>`not ${anyOf(requirement.key, requirement.values)}`;
    default: {
      const { key, operator, version } = requirement;
      return sql<boolean>`coalesce(
        version_numbers(agents.matching ->> ${key}) ${sql.raw(operator)} ${versionNumbers(version)}::integer[], false)`;
    }
  }
}

function anyOf(key: string, values: readonly string[]): RawBuilder<boolean> {
  const each = values.map(
    (value) => sql<boolean>`agents.matching @> ${JSON.stringify({ [key]: value })}::jsonb`,
  );
  return sql<boolean>`(${sql.join(each, sql` or `)})`;
}
