import type { Operation } from '../http/operation.ts';
import {
  agentCommand,
  agentDetailResource,
  agentPage,
  agentPatch,
  agentQuery,
  explanationResource,
} from './agent-schemas.ts';

const tag = 'agents';

export const agentOperations: Operation[] = [
  {
    method: 'get',
    path: '/agents',
    id: 'listAgents',
    summary: 'Agents, a page at a time',
    tag,
    query: agentQuery,
    status: 200,
    answer: agentPage,
  },
  {
    method: 'get',
    path: '/agents/{uid}',
    id: 'getAgent',
    summary: 'One agent with all it reported',
    tag,
    status: 200,
    answer: agentDetailResource,
  },
  {
    method: 'get',
    path: '/agents/{uid}/explain',
    id: 'explainAgent',
    summary: 'Which configuration an agent gets, and why',
    tag,
    status: 200,
    answer: explanationResource,
  },
  {
    method: 'patch',
    path: '/agents/{uid}',
    id: 'patchAgent',
    summary: 'Replace the labels of an agent',
    tag,
    body: agentPatch,
    status: 200,
    answer: agentDetailResource,
  },
  {
    method: 'delete',
    path: '/agents/{uid}',
    id: 'deleteAgent',
    summary: 'Forget an agent',
    tag,
    status: 204,
  },
  {
    method: 'post',
    path: '/agents/{uid}/commands',
    id: 'commandAgent',
    summary: 'Send a command to a connected agent',
    tag,
    body: agentCommand,
    status: 202,
    answer: agentCommand,
  },
];
