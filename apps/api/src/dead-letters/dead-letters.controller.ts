import type { DeadLetters } from '@muster/messages/dead-letters';
import { Controller, Delete, Get, HttpCode, Inject, Param, Post, Query, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { actorOf } from '../http/guard.ts';
import type { Page } from '../http/paging.ts';
import { parse, parseId } from '../http/parse.ts';
import { DeadLetterChanges } from './dead-letter-changes.ts';
import { deadLetterQuery, toDeadLetterResource, type DeadLetterResource } from './dead-letter-schemas.ts';

/** Token of the dead letters, a port, in Nest modules. */
export const DEAD_LETTERS = Symbol('dead letters');

@Controller('api/v1/dead-letters')
export class DeadLettersController {
  readonly #deadLetters: DeadLetters;
  readonly #changes: DeadLetterChanges;

  constructor(
    @Inject(DEAD_LETTERS) deadLetters: DeadLetters,
    @Inject(DeadLetterChanges) changes: DeadLetterChanges,
  ) {
    this.#deadLetters = deadLetters;
    this.#changes = changes;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<DeadLetterResource>> {
    const page = await this.#deadLetters.page(parse(deadLetterQuery, query, 'query'));
    return { ...page, items: page.items.map(toDeadLetterResource) };
  }

  @Get(':id')
  async find(@Param('id') id: string): Promise<DeadLetterResource> {
    return toDeadLetterResource(await this.#changes.find(parseId(id)));
  }

  @Post(':id/replay')
  @HttpCode(202)
  replay(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.#changes.replay(actorOf(request), parseId(id));
  }

  @Delete(':id')
  @HttpCode(204)
  delete(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.#changes.delete(actorOf(request), parseId(id));
  }
}
