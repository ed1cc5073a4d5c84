import { attributesOf, type Attributes } from './attributes.ts';
import { decode } from './decode.ts';
import { AgentDescription as Message } from './opamp.ts';

/** What an agent says of itself (spec "AgentDescription"). */
export interface AgentDescription {
  identifyingAttributes: Attributes;
  nonIdentifyingAttributes: Attributes;
}

/** Throws `MalformedMessage`. */
export function decodeAgentDescription(bytes: Uint8Array): AgentDescription {
  const message = decode(Message, bytes, 'agent_description');
  return {
    identifyingAttributes: attributesOf(message.identifyingAttributes),
    nonIdentifyingAttributes: attributesOf(message.nonIdentifyingAttributes),
  };
}
