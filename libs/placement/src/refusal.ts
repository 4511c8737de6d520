/** Why something cannot be done. Codes are stable and part of the API; texts name the value and the remedy. */
export const REFUSALS = {
  // Of one SE.
  NOT_IN_GROUP: { status: 400, text: 'is not in SE group {group}: choose an SE of that group' },
  DISCONNECTED: { status: 409, text: 'is not connected to the controller: start it or check its network' },
  SE_DISABLED: { status: 409, text: 'is disabled ({state}): enable it first' },
  SE_STOPPING: { status: 409, text: 'is stopping' },
  ALREADY_SERVING: { status: 409, text: 'already serves this VIP' },
  STILL_DRAINING: {
    status: 409,
    text: 'still drains earlier connections of this VIP: wait until the drain ends',
  },
  NO_SPARE_CAPACITY: {
    status: 409,
    text: 'carries {used} of at most {max} virtual services (max_vs_per_se of the SE group)',
  },
  VIP_NOT_REACHABLE: { status: 409, text: 'cannot carry this VIP: {why}' },
  TRIED_BEFORE: { status: 409, text: 'was tried and failed: {why}' },
  NOT_ASKED_FOR: { status: 409, text: 'is not the one that was asked for' },
  // Of a request.
  UNKNOWN_SE: { status: 400, text: 'there is no service engine {se}' },
  UNKNOWN_VIP: { status: 400, text: 'virtual service {vs} has no VIP with vip_id {vip}: it has {has}' },
  VS_DISABLED: { status: 409, text: 'virtual service {vs} is disabled: enable it first' },
  NOT_PLACED: { status: 409, text: 'virtual service {vs} is on no service engine yet' },
  AT_MAX: {
    status: 409,
    text: 'virtual service {vs} is scaled to {current} service engines and max_scaleout_per_vs is {max}: raise it in SE group {group}',
  },
  AT_MIN: {
    status: 409,
    text: 'virtual service {vs} is on {current} service engines and min_scaleout_per_vs is {min}: lower it in SE group {group}, or disable the virtual service',
  },
  NO_CANDIDATE: {
    status: 409,
    text: 'no service engine of group {group} can take virtual service {vs}: {why}',
  },
  NOT_SERVING: {
    status: 400,
    text: 'service engine {se} does not serve virtual service {vs}: it is on {has}',
  },
  NOT_ACTIVE: { status: 409, text: 'service engine {se} is not active for virtual service {vs} yet' },
  ALREADY_PRIMARY: {
    status: 409,
    text: 'service engine {se} is the primary of virtual service {vs} already',
  },
  LEGACY_HA: {
    status: 409,
    text: 'SE group {group} is legacy active/standby: its virtual services do not scale out; use switchover',
  },
  OPERATION_RUNNING: {
    status: 409,
    text: 'operation {operation} ({type}) runs on virtual service {vs}: wait for it or cancel it',
  },
} as const;

export type RefusalCode = keyof typeof REFUSALS;

export interface Refusal {
  readonly code: RefusalCode;
  /** HTTP status that fits. */
  readonly status: number;
  readonly reason: string;
}

/** Why one SE was not chosen. */
export interface SeRefusal extends Refusal {
  readonly se: string;
  readonly seName: string;
}

type Words = Readonly<Record<string, string | number>>;

function fill(text: string, words: Words): string {
  return text.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => {
    const word = words[name];
    if (word === undefined) throw new Error(`the text "${text}" needs a value for {${name}}`);
    return String(word);
  });
}

export const refuse = (code: RefusalCode, words: Words = {}): Refusal => ({
  code,
  status: REFUSALS[code].status,
  reason: fill(REFUSALS[code].text, words),
});

export const refuseSe = (
  se: { uuid: string; name: string },
  code: RefusalCode,
  words: Words = {},
): SeRefusal => {
  const plain = refuse(code, words);
  return { ...plain, se: se.uuid, seName: se.name, reason: `service engine ${se.name} ${plain.reason}` };
};
