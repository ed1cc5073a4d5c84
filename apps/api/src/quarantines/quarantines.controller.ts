import { Controller, Delete, Get, HttpCode, Inject, Param, Query, Req } from '@nestjs/common';
import { Quarantines } from '@muster/configs/quarantines.postgres';
import type { FastifyRequest } from 'fastify';
import { actorOf } from '../http/guard.ts';
import type { Page } from '../http/paging.ts';
import { parse, parseId } from '../http/parse.ts';
import { QuarantineChanges } from './quarantine-changes.ts';
import { quarantineQuery, toQuarantineResource, type QuarantineResource } from './quarantine-schemas.ts';

@Controller('api/v1/quarantines')
export class QuarantinesController {
  readonly #quarantines: Quarantines;
  readonly #changes: QuarantineChanges;

  constructor(
    @Inject(Quarantines) quarantines: Quarantines,
    @Inject(QuarantineChanges) changes: QuarantineChanges,
  ) {
    this.#quarantines = quarantines;
    this.#changes = changes;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<QuarantineResource>> {
    const page = await this.#quarantines.page(parse(quarantineQuery, query, 'query'));
    return { ...page, items: page.items.map(toQuarantineResource) };
  }

  @Delete(':id')
  @HttpCode(204)
  lift(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.#changes.lift(actorOf(request), parseId(id));
  }
}
