import { Body, Controller, Get, HttpCode, Inject, Post, Req } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import { actorOf } from '../http/guard.ts';
import { parse } from '../http/parse.ts';
import { OfferHoldResources } from './offer-hold-resources.ts';
import { releaseOfferHold, type OfferHoldRelease, type OfferHoldResource } from './offer-hold-schemas.ts';

@Controller('api/v1/offer-hold')
export class OfferHoldController {
  readonly #holds: OfferHoldResources;

  constructor(@Inject(OfferHoldResources) holds: OfferHoldResources) {
    this.#holds = holds;
  }

  @Get()
  async find(): Promise<{ hold: OfferHoldResource | null }> {
    return { hold: await this.#holds.find() };
  }

  @Post('release')
  @HttpCode(200)
  release(@Req() request: FastifyRequest, @Body() body: unknown): Promise<OfferHoldRelease> {
    return this.#holds.release(actorOf(request), parse(releaseOfferHold, body).decision);
  }
}
