/**
 * The few JSON Schema words the in-memory desk's cases use. The real desk
 * validates with a full implementation.
 */
import type { AnswerFault } from '../../gen/AnswerFault';

interface Schema {
  type?: string;
  enum?: unknown[];
  required?: string[];
  additionalProperties?: boolean;
  properties?: Record<string, Schema>;
  items?: Schema;
  minimum?: number;
  exclusiveMinimum?: number;
}

/** Everything that is wrong with `value`, by pointer. */
export function faults(schema: unknown, value: unknown, pointer = ''): AnswerFault[] {
  const rule = schema as Schema | null;
  if (rule === null) return [];
  const found: AnswerFault[] = [];
  const fault = (at: string, message: string) => found.push({ pointer: at, message });
  if (rule.type !== undefined && !hasType(rule.type, value)) fault(pointer, `must be of type ${rule.type}, is ${typeOf(value)}`);
  if (rule.enum !== undefined && !rule.enum.includes(value)) fault(pointer, `must be one of ${rule.enum.map((one) => JSON.stringify(one)).join(', ')}`);
  if (typeof value === 'number') {
    if (rule.minimum !== undefined && value < rule.minimum) fault(pointer, `must be at least ${String(rule.minimum)}`);
    if (rule.exclusiveMinimum !== undefined && value <= rule.exclusiveMinimum) fault(pointer, `must be more than ${String(rule.exclusiveMinimum)}`);
  }
  if (Array.isArray(value) && rule.items !== undefined) {
    const { items } = rule;
    value.forEach((one, index) => found.push(...faults(items, one, `${pointer}/${String(index)}`)));
  } else if (typeof value === 'object' && value !== null) {
    const object = value as Record<string, unknown>;
    for (const name of rule.required ?? []) if (!(name in object)) fault(pointer, `lacks ${JSON.stringify(name)}`);
    for (const [name, one] of Object.entries(object)) {
      const known = rule.properties?.[name];
      if (known !== undefined) found.push(...faults(known, one, `${pointer}/${name}`));
      else if (rule.additionalProperties === false) fault(`${pointer}/${name}`, 'is not known to this tool');
    }
  }
  return found;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  return Array.isArray(value) ? 'array' : typeof value;
}

function hasType(type: string, value: unknown): boolean {
  return type === 'integer' ? Number.isInteger(value) : typeOf(value) === type;
}
