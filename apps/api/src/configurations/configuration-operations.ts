import { listQuery } from '../http/parse.ts';
import type { Operation } from '../http/operation.ts';
import {
  configurationPage,
  configurationResource,
  diffQuery,
  diffResource,
  newConfiguration,
  newVersion,
  preview,
  previewResource,
  validation,
  validationResource,
  versionPage,
  versionResource,
} from './configuration-schemas.ts';

const tag = 'configurations';

export const configurationOperations: Operation[] = [
  { method: 'get', path: '/configurations', id: 'listConfigurations', summary: 'Configurations by name', tag, query: listQuery, status: 200, answer: configurationPage },
  { method: 'post', path: '/configurations', id: 'createConfiguration', summary: 'Make a configuration with version 1', tag, body: newConfiguration, status: 201, answer: configurationResource },
  { method: 'get', path: '/configurations/{name}', id: 'getConfiguration', summary: 'One configuration with its newest version', tag, status: 200, answer: configurationResource },
  { method: 'post', path: '/configurations/{name}/versions', id: 'createConfigurationVersion', summary: 'Make the next version; changes nothing on any agent', tag, body: newVersion, status: 201, answer: versionResource },
  { method: 'get', path: '/configurations/{name}/versions', id: 'listConfigurationVersions', summary: 'Versions, newest first', tag, query: listQuery, status: 200, answer: versionPage },
  { method: 'get', path: '/configurations/{name}/versions/{version}', id: 'getConfigurationVersion', summary: 'One version', tag, status: 200, answer: versionResource },
  { method: 'get', path: '/configurations/{name}/diff', id: 'diffConfigurationVersions', summary: 'What changes from one version to another', tag, query: diffQuery, status: 200, answer: diffResource },
  { method: 'post', path: '/configurations/{name}/validate', id: 'validateConfiguration', summary: 'Check a text before it is made a version', tag, body: validation, status: 200, answer: validationResource },
  { method: 'post', path: '/configurations/{name}/preview', id: 'previewConfiguration', summary: 'The text one agent would get', tag, body: preview, status: 200, answer: previewResource },
];
