import type { ChangePageView, ChangeView, FailureView, OrderView, ReviewAnswerView } from '../schemas.js';
import { indent, pairs, plain, table } from './text.js';

export function showChange(change: ChangeView): string {
  const { request } = change;
  const head = pairs([
    ['change', change.id],
    [
      'action',
      `${request.action} ${devicesText(change)} ${request.action === 'attach' ? 'to' : 'from'} ${request.vm} on ${request.host}`,
    ],
    ['state', stateText(change)],
    ['round', change.round],
    ['waits for', change.waitingFor],
    ['requester', `${change.requesterName} (${change.requester.subject})`],
    ['reason', request.reason],
    ['ticket', request.ticket],
    ['window', request.window && `${request.window.from} to ${request.window.to}`],
    ['lease', request.lease?.until],
    ['plan', change.planHash],
    ['missing', missingText(change.missing)],
    ['review until', change.clocks.reviewUntil],
    ['execute until', change.clocks.executeUntil],
    ['restored', change.restored],
    ['history', change.links.temporal],
  ]);
  const failures = change.failures.map(showFailure);
  const half = change.halfState ? [`half-state:\n${indent(plainDocument(change.halfState))}`] : [];
  return [head, ...failures, ...half].join('\n');
}

export function showChanges({ items, next }: ChangePageView): string {
  const rows = items.map((change) => [
    change.id,
    change.request.action,
    devicesText(change),
    change.request.vm,
    change.request.host,
    stateText(change),
    change.requesterName,
    change.createdAt,
  ]);
  const list = table(['CHANGE', 'ACTION', 'DEVICES', 'VM', 'HOST', 'STATE', 'REQUESTER', 'CREATED'], rows);
  return next ? `${list}\nmore: --cursor ${next}` : list;
}

export function showFailure(failure: FailureView): string {
  return `${failure.reason}: ${plain(failure.message)}`;
}

export function showOrder(order: OrderView): string {
  if (order.status === 'accepted') return `accepted; the change was ${order.state}`;
  return `needs a second person: another operator confirms with --proposal ${order.proposal}`;
}

export function showReview(answer: ReviewAnswerView): string {
  if (answer.status !== 'counted') return `${answer.status}: no worker answers; it counts when one does`;
  const missing = missingText(answer.missing ?? []);
  return missing ? `counted; still missing: ${missing}` : `counted; the change is ${answer.verdict}`;
}

export function stateText({ state, ending }: Pick<ChangeView, 'state' | 'ending'>): string {
  return ending ?? state;
}

function devicesText({ request }: ChangeView): string {
  return request.devices.map((device) => device.alias ?? device.address).join(', ');
}

function missingText(missing: ChangeView['missing']): string {
  return missing
    .map(({ count, groups }) => `${count} more from ${groups.join(' or ') || 'anybody who may approve'}`)
    .join('; ');
}

function plainDocument(document: object): string {
  return JSON.stringify(document, null, 2).split('\n').map(plain).join('\n');
}
