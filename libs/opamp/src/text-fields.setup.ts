import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import type { AgentToServerFields } from './opamp.ts';

/** A field of AgentToServer, or of what is in it, that holds text or bytes. */
export interface TextField {
  /** Names as the protocol has them, as in `health.component_health_map.*.last_error`; `#` is the key of a map. */
  readonly path: string;
  readonly kind: 'string' | 'bytes';
  /** An AgentToServer in which this field alone is set. */
  with(text: string): AgentToServerFields;
}

const proto = fileURLToPath(new URL('../../../proto/', import.meta.url));

/** Every one of them, from the protocol's own definition. Messages in themselves are entered once. */
export function textFields(): TextField[] {
  const root = new protobuf.Root();
  root.resolvePath = (_from, to) => `${proto}${to}`;
  root.loadSync('opamp/v1/opamp.proto', { keepCase: false });
  return fieldsOf(root.lookupType('AgentToServer'), []);
}

type Put = (inner: unknown) => unknown;

function fieldsOf(type: protobuf.Type, above: readonly protobuf.Type[]): TextField[] {
  if (above.includes(type)) return [];
  return type.fieldsArray.flatMap((field) => {
    const name = snakeCase(field.name);
    field.resolve();
    const put: Put = (inner) => ({
      [field.name]: field.map ? { name: inner } : field.repeated ? [inner] : inner,
    });
    const path = field.map ? `${name}.*` : name;
    const inner = inside(field, path, put, [...above, type]);
    if (!(field instanceof protobuf.MapField) || field.keyType !== 'string') return inner;
    return [keyOf(field, name), ...inner];
  });
}

function keyOf(field: protobuf.MapField, name: string): TextField {
  const value = field.resolvedType instanceof protobuf.Type ? {} : 'x';
  return { path: `${name}.#`, kind: 'string', with: (text) => ({ [field.name]: { [text]: value } }) };
}

function inside(field: protobuf.Field, path: string, put: Put, above: readonly protobuf.Type[]): TextField[] {
  if (field.resolvedType instanceof protobuf.Type) {
    return fieldsOf(field.resolvedType, above).map((inner) => ({
      path: `${path}.${inner.path}`,
      kind: inner.kind,
      with: (text) => put(inner.with(text)) as AgentToServerFields,
    }));
  }
  const { type: kind } = field;
  if (kind === 'string') return [{ path, kind, with: (text) => put(text) as AgentToServerFields }];
  if (kind === 'bytes')
    return [{ path, kind, with: (text) => put(Buffer.from(text)) as AgentToServerFields }];
  return [];
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
