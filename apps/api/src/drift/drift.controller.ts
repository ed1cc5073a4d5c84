import { Controller, Get, Inject, Query } from '@nestjs/common';
import type { Page } from '../http/paging.ts';
import { DriftResources } from './drift-resources.ts';
import type { DriftedAgentResource } from './drift-schemas.ts';

@Controller('api/v1/drift')
export class DriftController {
  readonly #drift: DriftResources;

  constructor(@Inject(DriftResources) drift: DriftResources) {
    this.#drift = drift;
  }

  @Get()
  list(@Query() query: unknown): Promise<Page<DriftedAgentResource>> {
    return this.#drift.page(query, 'query');
  }
}
