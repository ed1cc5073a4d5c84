import { parseAgentId } from '@muster/agents/agent-id';
import type { DriftViews } from '@muster/configs/drift-views.postgres';
import { InvalidRequest } from '../http/errors.ts';
import type { Page } from '../http/paging.ts';
import { parse } from '../http/parse.ts';
import { driftQuery, toDriftedAgentResource, type DriftedAgentResource } from './drift-schemas.ts';

/** Agents that drifted, as the API shows them. */
export class DriftResources {
  readonly #drifts: DriftViews;

  constructor(drifts: DriftViews) {
    this.#drifts = drifts;
  }

  /** @throws InvalidRequest; `whole` is what the input is called there */
  async page(input: unknown, whole: string): Promise<Page<DriftedAgentResource>> {
    const { after: cursor, limit, ...filter } = parse(driftQuery, input, whole);
    const after = cursor === undefined ? undefined : parseAgentId(cursor);
    if (after === null) throw new InvalidRequest({ field: 'after', detail: 'is not a cursor of this list' });
    const found = await this.#drifts.page({ ...filter, after, limit: limit + 1 });
    const items = found.slice(0, limit).map(toDriftedAgentResource);
    return { items, next: found.length > limit ? items.at(-1)!.agent : null };
  }
}
