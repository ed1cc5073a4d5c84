import { Controller, Get, Inject } from '@nestjs/common';
import { OverviewResources, type OverviewResource } from './overview-resources.ts';

@Controller('api/v1/overview')
export class OverviewController {
  readonly #overview: OverviewResources;

  constructor(@Inject(OverviewResources) overview: OverviewResources) {
    this.#overview = overview;
  }

  @Get()
  find(): Promise<OverviewResource> {
    return this.#overview.find();
  }
}
