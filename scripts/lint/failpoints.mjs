// Every touch activity stops at b0 … b4 when a test asks for it: what cannot be crashed there is not proven there.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { root } from '../setup/places.mjs';

const points = ['b0', 'b1', 'b2', 'b3', 'b4'];

/** What is wrong with the touch activities of one source text, a line for each. */
export function problemsOf(fileName, text) {
  const file = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true);
  const activities = activitiesOf(file);
  if (activities.length === 0)
    return [`${fileName}: no touch activity found: a create… function must return them by name`];
  return activities.flatMap(({ name, node }) => {
    const called = failpointsIn(node);
    return [
      ...points
        .filter((point) => !called.includes(`${name}.${point}`))
        .map((point) => `${fileName}: activity ${name} never calls failpoint('${name}.${point}')`),
      ...called
        .filter((point) => !points.some((known) => point === `${name}.${known}`))
        .map((point) => `${fileName}: activity ${name} calls failpoint('${point}'), which no test can know`),
    ];
  });
}

/** The functions of the object that an exported `create…` function returns, and exported async functions. */
function activitiesOf(file) {
  const found = [];
  for (const statement of file.statements) {
    if (!ts.isFunctionDeclaration(statement) || !isExported(statement)) continue;
    if (statement.name?.text.startsWith('create')) found.push(...returnedFunctions(statement));
    else if (isAsync(statement)) found.push({ name: statement.name?.text ?? 'default', node: statement });
  }
  return found;
}

function returnedFunctions(factory) {
  const returned = factory.body?.statements.find(ts.isReturnStatement)?.expression;
  if (returned === undefined || !ts.isObjectLiteralExpression(returned)) return [];
  return returned.properties.flatMap((property) => {
    const name = property.name?.getText();
    if (ts.isMethodDeclaration(property)) return [{ name, node: property }];
    if (ts.isPropertyAssignment(property)) return [{ name, node: property.initializer }];
    if (!ts.isShorthandPropertyAssignment(property)) return [];
    const declared = factory.body.statements.find(
      (statement) => ts.isFunctionDeclaration(statement) && statement.name?.text === name,
    );
    return [{ name, node: declared ?? property }];
  });
}

function failpointsIn(node) {
  const called = [];
  const visit = (child) => {
    if (ts.isCallExpression(child) && child.expression.getText() === 'failpoint') {
      const [name] = child.arguments;
      called.push(name !== undefined && ts.isStringLiteral(name) ? name.text : '(a name that is no literal)');
    }
    ts.forEachChild(child, visit);
  };
  visit(node);
  return called;
}

function isExported(statement) {
  return statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false;
}

function isAsync(statement) {
  return statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.AsyncKeyword) ?? false;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = join(root, 'activities', 'touch');
  const problems = readdirSync(folder)
    .filter((name) => name.endsWith('.ts'))
    .flatMap((name) => problemsOf(`activities/touch/${name}`, readFileSync(join(folder, name), 'utf8')));
  for (const problem of problems) console.error(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}
