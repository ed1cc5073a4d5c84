import type { AgentId } from '@muster/agents/agent-id';
import type { AgentViews } from '@muster/agents/agent-views.postgres';
import { UnknownAgent } from '@muster/agents/errors';
import type { ConfigurationService } from '@muster/configs/configuration-service';
import { UnknownConfiguration } from '@muster/configs/errors';
import { renderConfiguration } from '@muster/configs/rendering';
import type { PreviewResource } from './configuration-schemas.ts';

/** What an agent would get, without giving it. */
export class ConfigurationPreviews {
  readonly #configurations: ConfigurationService;
  readonly #agents: AgentViews;

  constructor(configurations: ConfigurationService, agents: AgentViews) {
    this.#configurations = configurations;
    this.#agents = agents;
  }

  /**
   * @param version undefined: the newest
   * @throws UnknownConfiguration, UnknownConfigurationVersion, UnknownAgent
   */
  async render(name: string, version: number | undefined, agent: AgentId): Promise<PreviewResource> {
    const chosen =
      version === undefined
        ? (await this.#configurations.find(name))?.latest
        : await this.#configurations.version(name, version);
    if (!chosen) throw new UnknownConfiguration(name);
    if ((await this.#agents.many([agent])).length === 0) throw new UnknownAgent(agent);
    const { hash, files } = renderConfiguration(chosen);
    return { name, version: chosen.version, hash, files: { ...files } };
  }
}
