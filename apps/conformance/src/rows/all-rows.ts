import type { Row } from '../row.ts';
import { agentCapabilityRows } from './agent-capabilities.ts';
import { answerRows } from './answers.ts';
import { availableComponentRows } from './available-components.ts';
import { badRequestRows } from './bad-requests.ts';
import { commandAndCustomMessageRows } from './commands-and-custom-messages.ts';
import { configurationRows } from './configuration.ts';
import { connectionSettingsRows } from './connection-settings.ts';
import { descriptionAndHealthRows } from './description-and-health.ts';
import { endpointRows } from './endpoint.ts';
import { httpRows } from './http.ts';
import { instanceUidRows } from './instance-uid.ts';
import { livenessRows } from './liveness.ts';
import { packageRows } from './packages.ts';
import { reconnectRows } from './reconnects.ts';
import { retryRows } from './retries.ts';
import { securityRows } from './security.ts';
import { serverCapabilityRows } from './server-capabilities.ts';
import { statusReportRows } from './status-reports.ts';
import { webSocketRows } from './websocket.ts';

/** All rules that bind a server, by number. */
export const allRows: readonly Row[] = [
  ...endpointRows,
  ...webSocketRows,
  ...httpRows,
  ...retryRows,
  ...answerRows,
  ...statusReportRows,
  ...serverCapabilityRows,
  ...agentCapabilityRows,
  ...instanceUidRows,
  ...livenessRows,
  ...descriptionAndHealthRows,
  ...configurationRows,
  ...connectionSettingsRows,
  ...packageRows,
  ...commandAndCustomMessageRows,
  ...availableComponentRows,
  ...badRequestRows,
  ...securityRows,
  ...reconnectRows,
].sort((a, b) => a.number.localeCompare(b.number, 'en', { numeric: true }));
