import { expect, it } from 'vitest';
import { decodeAgentDescription } from './description.ts';
import { AgentDescription } from './opamp.ts';
import { scanTextAttributes } from './scan-description.ts';

const text = (key: string, stringValue: string) => ({ key, value: { stringValue } });

function encoded(fields: Parameters<typeof AgentDescription.encode>[0]): Uint8Array {
  return AgentDescription.encode(fields).finish();
}

it('finds what the decoder finds, identifying attributes before all others', () => {
  const description = encoded({
    identifyingAttributes: [text('service.name', 'otelcol')],
    nonIdentifyingAttributes: [
      text('host.name', 'web-1'),
      text('long', 'x'.repeat(300)),
      text('__proto__', 'kept'),
    ],
  });
  const { identifyingAttributes, nonIdentifyingAttributes } = decodeAgentDescription(description);
  const decoded = new Map(Object.entries({ ...nonIdentifyingAttributes, ...identifyingAttributes }));
  expect(new Map([...scanTextAttributes(description)!].sort())).toEqual(new Map([...decoded].sort()));
});

it('reads the bytes of a description wherever they lie', () => {
  const description = encoded({ identifyingAttributes: [text('a', 'b')] });
  const inside = Buffer.concat([Buffer.from('before'), description, Buffer.from('after')]).subarray(6, -5);
  expect(scanTextAttributes(inside)).toEqual(new Map([['a', 'b']]));
  expect(scanTextAttributes(new Uint8Array())).toEqual(new Map());
});

it.each([
  ['a number', encoded({ identifyingAttributes: [{ key: 'n', value: { intValue: 1 } }] })],
  ['no value', encoded({ identifyingAttributes: [{ key: 'n' }] })],
  ['text beyond ASCII', encoded({ identifyingAttributes: [text('name', 'süß')] })],
  ['what JSON escapes', encoded({ identifyingAttributes: [text('name', 'a"b\\')] })],
  ['a NUL', encoded({ nonIdentifyingAttributes: [text('name', 'a\0b')] })],
  ['bytes cut short', encoded({ identifyingAttributes: [text('name', 'abc')] }).subarray(0, -1)],
  [
    'a key sent twice, of which a value would go unseen',
    encoded({ nonIdentifyingAttributes: [text('a', 'x'), text('a', 'y')] }),
  ],
  [
    'a key in both lists',
    encoded({ identifyingAttributes: [text('a', 'x')], nonIdentifyingAttributes: [text('a', 'y')] }),
  ],
  ['a field of another version of the protocol', Buffer.from('1a0161', 'hex')],
  ['value before key', Buffer.from('0a0712030a01620a0161', 'hex')],
])('leaves %s to the decoder', (_, description) => {
  expect(scanTextAttributes(description)).toBeNull();
});
