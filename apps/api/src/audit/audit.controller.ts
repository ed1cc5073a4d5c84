import { Controller, Get, Inject, Query } from '@nestjs/common';
import { Audit } from '@muster/access/audit.postgres';
import type { Page } from '../http/paging.ts';
import { parse } from '../http/parse.ts';
import { auditQuery, toAuditEventResource, type AuditEventResource } from './audit-schemas.ts';

@Controller('api/v1/audit')
export class AuditController {
  readonly #audit: Audit;

  constructor(@Inject(Audit) audit: Audit) {
    this.#audit = audit;
  }

  @Get()
  async list(@Query() query: unknown): Promise<Page<AuditEventResource>> {
    const page = await this.#audit.page(parse(auditQuery, query, 'query'));
    return { ...page, items: page.items.map(toAuditEventResource) };
  }
}
