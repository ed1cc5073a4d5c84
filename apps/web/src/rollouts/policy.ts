/** A rollout policy as a form holds it: text as typed; empty means the default. */
export interface PolicyForm {
  waves: string;
  perSecond: string;
  applyDeadlineSeconds: string;
  soakSeconds: string;
  maxFailed: string;
  maxUnhealthy: string;
  maxDisconnected: string;
  onBreach: string;
}

export type PolicyField = keyof PolicyForm;

export const emptyPolicyForm: PolicyForm = {
  waves: '',
  perSecond: '',
  applyDeadlineSeconds: '',
  soakSeconds: '',
  maxFailed: '',
  maxUnhealthy: '',
  maxDisconnected: '',
  onBreach: '',
};

export const policyFields = Object.keys(emptyPolicyForm) as PolicyField[];

/** What the server takes where neither the rollout nor its fleet says anything. */
export const defaultPolicy: PolicyForm = {
  waves: '1, 10%, 50%, 100%',
  perSecond: 'none',
  applyDeadlineSeconds: '120',
  soakSeconds: '10',
  maxFailed: '0',
  maxUnhealthy: 'none',
  maxDisconnected: 'none',
  onBreach: 'pause',
};

const numbers: PolicyField[] = ['perSecond', 'applyDeadlineSeconds', 'soakSeconds'];

/** The policy to send: fields left empty are left out, "none" is null. The server judges the values. */
export function toPolicy(form: PolicyForm): Record<string, unknown> {
  const filled = policyFields.filter((field) => form[field].trim() !== '');
  return Object.fromEntries(filled.map((field) => [field, toMember(field, form[field].trim())]));
}

function toMember(field: PolicyField, text: string): unknown {
  if (text === 'none') return null;
  if (field === 'waves') return text.split(/[\s,]+/).filter(Boolean);
  return numbers.includes(field) && !Number.isNaN(Number(text)) ? Number(text) : text;
}

/** A policy of the server's as text to read and edit. Members that are not set stay empty. */
export function toForm(policy: Record<string, unknown>): PolicyForm {
  const form = { ...emptyPolicyForm };
  for (const field of policyFields) {
    const value = policy[field];
    if (value === null) form[field] = 'none';
    else if (Array.isArray(value)) form[field] = value.join(', ');
    else if (value !== undefined) form[field] = String(value);
  }
  return form;
}

/** What counts where a form is empty: the fleet's policy, and under it the server's defaults. */
export function policyDefaults(fleetPolicy: Record<string, unknown>): PolicyForm {
  const form = toForm(fleetPolicy);
  const entries = policyFields.map((field) => [field, form[field] || defaultPolicy[field]]);
  return Object.fromEntries(entries) as unknown as PolicyForm;
}
