import { readJsonFile } from './places.js';
import { StackError } from './failure.js';

/** Somebody the local issuer knows: what the api learns of them from a token. */
export interface Person {
  readonly name: string;
  readonly roles: readonly string[];
  readonly groups: readonly string[];
}

/**
 * The people of a file, by subject.
 * @throws StackError naming the file and the entry that is wrong
 */
export function readPeople(path: string): ReadonlyMap<string, Person> {
  const people = readJsonFile(path);
  if (typeof people !== 'object' || people === null || Array.isArray(people)) {
    throw new StackError(`${path}: expected a JSON object of people by subject`, [
      'see stack/demo-people.json',
    ]);
  }
  for (const [subject, person] of Object.entries(people)) {
    if (!isPerson(person)) {
      throw new StackError(`${path}: "${subject}" is no person`, [
        'expected {"name": text, "roles": [text …], "groups": [text …]}',
      ]);
    }
  }
  return new Map(Object.entries(people as Record<string, Person>));
}

function isPerson(value: unknown): value is Person {
  const person = value as Person | null;
  return (
    typeof person?.name === 'string' &&
    [person.roles, person.groups].every(
      (list) => Array.isArray(list) && list.every((word: unknown) => typeof word === 'string'),
    )
  );
}
