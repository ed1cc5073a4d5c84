import {
  Body,
  Controller,
  Delete,
  Get,
  HttpCode,
  Inject,
  Param,
  Patch,
  Post,
  Query,
  Req,
} from '@nestjs/common';
import { AccessService } from '@muster/access/access-service';
import type { FastifyRequest } from 'fastify';
import { actorOf } from '../http/guard.ts';
import { pageOf, type Page } from '../http/paging.ts';
import { listQuery, parse, parseId } from '../http/parse.ts';
import { EnrollmentTokenChanges } from './enrollment-token-changes.ts';
import {
  enrollmentTokenPatch,
  newEnrollmentToken,
  toEnrollmentTokenResource,
  type EnrollmentTokenResource,
} from './enrollment-token-schemas.ts';

@Controller('api/v1/enrollment-tokens')
export class EnrollmentTokensController {
  readonly #access: AccessService;
  readonly #changes: EnrollmentTokenChanges;

  constructor(
    @Inject(AccessService) access: AccessService,
    @Inject(EnrollmentTokenChanges) changes: EnrollmentTokenChanges,
  ) {
    this.#access = access;
    this.#changes = changes;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<EnrollmentTokenResource>> {
    const paging = parse(listQuery, query, 'query');
    const tokens = await this.#access.listEnrollmentTokens();
    return pageOf(tokens.map(toEnrollmentTokenResource), (token) => token.id, paging);
  }

  @Post()
  create(@Req() request: FastifyRequest, @Body() body: unknown): Promise<{ id: string; token: string }> {
    return this.#changes.create(actorOf(request), parse(newEnrollmentToken, body));
  }

  @Patch(':id')
  async patch(
    @Req() request: FastifyRequest,
    @Param('id') id: string,
    @Body() body: unknown,
  ): Promise<EnrollmentTokenResource> {
    const change = parse(enrollmentTokenPatch, body);
    return toEnrollmentTokenResource(await this.#changes.change(actorOf(request), parseId(id), change));
  }

  @Delete(':id')
  @HttpCode(204)
  revoke(@Req() request: FastifyRequest, @Param('id') id: string): Promise<void> {
    return this.#changes.revoke(actorOf(request), parseId(id));
  }
}
