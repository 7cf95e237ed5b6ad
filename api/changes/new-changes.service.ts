import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { canonicalJson } from '../../domain/canonical.js';
import type { ChangeRequest, RequestedDevice } from '../../domain/change.js';
import { normalAddress } from '../../domain/device.js';
import { type ChangeRecord, createChange } from '../../records/changes.js';
import type { Caller } from '../auth/caller.js';
import { EstateDirectory } from '../estate.module.js';
import { failureText } from '../logging.js';
import { type FieldError, ProblemError } from '../problem.js';
import { Register } from '../register.module.js';
import { newChangeId } from './change-id.js';
import { type ChangeRequestDto, isPast, type RequestedDeviceDto } from './change-request.dto.js';
import { Relay } from './relay.service.js';
import { Starter } from './starter.service.js';

/** From a well-formed request to a change that is kept and whose workflow is started. */
@Injectable()
export class NewChanges {
  private readonly log = new Logger(NewChanges.name);

  constructor(
    private readonly register: Register,
    private readonly estate: EstateDirectory,
    private readonly starter: Starter,
    private readonly relay: Relay,
  ) {}

  /**
   * The change is kept first and started second: if Temporal is down it waits in the register and is started later.
   * The same requester with the same idempotency key gets the change of the first time.
   */
  async create(
    body: ChangeRequestDto,
    by: Caller,
    idempotencyKey?: string,
  ): Promise<{ change: ChangeRecord; created: boolean }> {
    const request = await this.requestOf(body);
    const { change, created } = await createChange(this.register.db, {
      id: newChangeId(),
      request,
      requester: by.identity,
      requesterName: by.name,
      editors: [],
      ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
      requestHash: createHash('sha256').update(canonicalJson(request)).digest('hex'),
      at: new Date().toISOString(),
    });
    if (change.startedAt === null)
      await this.starter.start(change).catch((error: unknown) => this.startLater(change, error));
    return { change, created };
  }

  private startLater(change: ChangeRecord, error: unknown): void {
    this.log.warn({ changeId: change.id, why: failureText(error) }, 'kept, but not started yet: it will be');
    this.relay.soon();
  }

  private async requestOf(body: ChangeRequestDto): Promise<ChangeRequest> {
    const site = await this.estate.siteOf(body.host);
    if (site === null) {
      throw refuse('host-unknown', { pointer: '/host', detail: `the estate has no host ${body.host}` });
    }
    if (body.window && isPast(body.window.to)) {
      throw refuse('window-past', {
        pointer: '/window/to',
        detail: `the window closed at ${body.window.to}`,
      });
    }
    mustSupport(body);
    const devices = body.devices.map((device, index) => this.deviceOf(device, body.host, index));
    mustDiffer(devices);
    return {
      action: body.action,
      host: body.host,
      site,
      vm: body.vm,
      devices,
      wholeUnit: body.wholeUnit,
      powerOff: body.powerOff,
      onUnhealthy: body.onUnhealthy,
      class: body.class,
      reason: body.reason,
      ...(body.window ? { window: { from: body.window.from, to: body.window.to } } : {}),
      ...(body.lease ? { lease: { until: body.lease.until } } : {}),
      ...(body.ticket ? { ticket: body.ticket } : {}),
    };
  }

  private deviceOf(device: RequestedDeviceDto, host: string, index: number): RequestedDevice {
    const address = device.alias ? this.estate.addressOf(host, device.alias) : device.address;
    if (!address) {
      const detail = `the estate has no alias ${device.alias} on host ${host}`;
      throw refuse('device-unknown', { pointer: `/devices/${index}/alias`, detail });
    }
    const fingerprint = device.fingerprint && present(device.fingerprint);
    return {
      address: normalAddress(address),
      mode: device.mode,
      ...(device.alias ? { alias: device.alias } : {}),
      ...(fingerprint && Object.keys(fingerprint).length > 0 ? { fingerprint } : {}),
    };
  }
}

function mustSupport({ action, devices }: ChangeRequestDto): void {
  if (action !== 'attach' && action !== 'return') {
    throw refuse('action-unsupported', {
      pointer: '/action',
      detail: `${action} is not supported yet; attach and return are`,
    });
  }
  const index = devices.findIndex((device) => device.mode !== 'pci');
  if (index < 0) return;
  const detail = `mode ${devices[index]!.mode} is not supported yet; pci is`;
  throw refuse('action-unsupported', { pointer: `/devices/${index}/mode`, detail });
}

function mustDiffer(devices: readonly RequestedDevice[]): void {
  const again = devices.findIndex(
    (device, index) => devices.findIndex((one) => one.address === device.address) < index,
  );
  if (again < 0) return;
  const detail = `${devices[again]!.address} is named twice`;
  throw refuse('request-invalid', { pointer: `/devices/${again}`, detail });
}

function refuse(
  code: 'host-unknown' | 'window-past' | 'device-unknown' | 'action-unsupported' | 'request-invalid',
  error: FieldError,
): ProblemError {
  return new ProblemError(code, { detail: error.detail, errors: [error] });
}

/** JSON's null means the same as leaving a field out. */
function present<T extends object>(value: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(value).filter(([, member]) => member !== null && member !== undefined),
  ) as Partial<T>;
}
