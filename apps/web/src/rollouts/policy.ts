import { type MaintenanceWindow, toWindows, toWindowRows, type WindowRow } from './maintenance-windows.ts';

/** A rollout policy as a form holds it: text as typed; empty means the default. */
export interface PolicyForm extends Record<PolicyText, string> {
  /** Null: the default. Empty: at any time. */
  windows: WindowRow[] | null;
}

const texts = [
  'waves',
  'perSecond',
  'jitterSeconds',
  'applyDeadlineSeconds',
  'soakSeconds',
  'maxFailed',
  'maxUnhealthy',
  'maxDisconnected',
  'maxNotConverged',
  'onBreach',
  'breachScope',
  'quarantine',
] as const;

export type PolicyText = (typeof texts)[number];

/** The members of a policy. */
export const policyFields = [...texts, 'windows'] as const;
export type PolicyField = (typeof policyFields)[number];

const emptyTexts = Object.fromEntries(texts.map((field) => [field, ''])) as Record<PolicyText, string>;
export const emptyPolicyForm: PolicyForm = { ...emptyTexts, windows: null };

/** What counts where a form says nothing. */
export type PolicyDefaults = Record<PolicyText, string> & { windows: MaintenanceWindow[] };

/** What the server takes where neither the rollout nor its fleet says anything. */
export const defaultPolicy: PolicyDefaults = {
  waves: '1, 10%, 50%, 100%',
  perSecond: 'none',
  jitterSeconds: 'automatic',
  applyDeadlineSeconds: '120',
  soakSeconds: '10',
  maxFailed: '0',
  maxUnhealthy: '2%',
  maxDisconnected: '2%',
  maxNotConverged: 'none',
  onBreach: 'pause',
  breachScope: 'rollout',
  quarantine: 'agent',
  windows: [],
};

const numbers: PolicyText[] = ['perSecond', 'jitterSeconds', 'applyDeadlineSeconds', 'soakSeconds'];

/** How null is written: nothing is limited, or the server chooses. */
const nullWords = ['none', 'automatic'];

/** The policy to send: fields left empty are left out, "none" is null. The server judges the values. */
export function toPolicy(form: PolicyForm): Record<string, unknown> {
  const filled = texts.filter((field) => form[field].trim() !== '');
  return {
    ...Object.fromEntries(filled.map((field) => [field, toMember(field, form[field].trim())])),
    ...(form.windows && { windows: toWindows(form.windows) }),
  };
}

function toMember(field: PolicyText, text: string): unknown {
  if (nullWords.includes(text)) return null;
  if (field === 'waves') return text.split(/[\s,]+/).filter(Boolean);
  return numbers.includes(field) && !Number.isNaN(Number(text)) ? Number(text) : text;
}

/** A policy of the server's as text to read and edit. Members that are not set stay empty. */
export function toForm(policy: Record<string, unknown>): PolicyForm {
  const form = { ...emptyPolicyForm };
  for (const field of texts) {
    const value = policy[field];
    if (value === null) form[field] = field === 'jitterSeconds' ? 'automatic' : 'none';
    else if (Array.isArray(value)) form[field] = value.join(', ');
    else if (value !== undefined) form[field] = String(value);
  }
  if (Array.isArray(policy['windows'])) form.windows = toWindowRows(policy['windows'] as MaintenanceWindow[]);
  return form;
}

/** What counts where a form is empty: the fleet's policy, and under it the server's defaults. */
export function policyDefaults(fleetPolicy: Record<string, unknown>): PolicyDefaults {
  const form = toForm(fleetPolicy);
  const entries = texts.map((field) => [field, form[field] || defaultPolicy[field]]);
  return {
    ...(Object.fromEntries(entries) as Record<PolicyText, string>),
    windows: form.windows ? toWindows(form.windows) : defaultPolicy.windows,
  };
}
