/** The operations, their steps and what undoes them, as data. The controller has one function per step and per undo. */

export type OperationType =
  | 'place'
  | 'scaleout'
  | 'scalein'
  | 'migrate'
  | 'switchover'
  | 'unplace'
  | 'create_se'
  | 'delete_se'
  | 'evacuate_se';

/** Names of step functions. */
export type StepName =
  | 'choose'
  | 'program'
  | 'ready'
  | 'admit'
  | 'switch_primary'
  | 'withdraw'
  | 'drain'
  | 'release'
  | 'target_ready'
  | 'make_primary'
  | 'withdraw_all'
  | 'drain_all'
  | 'release_all'
  | 'create'
  | 'enrolled'
  | 'evacuate'
  | 'drained'
  | 'delete';

/** Names of undo functions; each may run again after a crash. */
export type UndoName = 'restore_scale' | 'remove_target' | 'readmit_source' | 'delete_created';

export interface StepDefinition {
  readonly name: StepName;
  /** Said after the operation's text while the step runs. */
  readonly label: string;
  /** Progress in percent when the step is done. */
  readonly progress: number;
  /** `ScaleStatus.state` of the published API while the step runs. */
  readonly scaleState: string;
  /** Run in reverse order, from the step that failed or was cancelled. */
  readonly undo?: UndoName;
  /** A cancel is refused from here on: what is left only ends what has begun. */
  readonly final?: true;
}

export interface OperationDefinition {
  readonly type: OperationType;
  readonly subject: 'virtualservice' | 'serviceengine';
  /** Shown while it runs. */
  readonly text: string;
  /** `ScaleStatus.action` of the published API. */
  readonly action: string;
  readonly succeeded: { readonly scaleState: string; readonly event: string };
  readonly failed: { readonly scaleState: string; readonly event: string };
  readonly steps: readonly StepDefinition[];
}

const target = (prefix: string, last: number): readonly StepDefinition[] => [
  {
    name: 'choose',
    label: 'choosing a service engine',
    progress: Math.round(last * 0.1),
    scaleState: `${prefix}_AWAITING_SE_ASSIGNMENT`,
    undo: 'restore_scale',
  },
  {
    name: 'program',
    label: 'programming the service engine',
    progress: Math.round(last * 0.3),
    scaleState: `${prefix}_AWAITING_SE_PROGRAMMING`,
    undo: 'remove_target',
  },
  {
    name: 'ready',
    label: 'waiting until the service engine is ready',
    progress: Math.round(last * 0.8),
    scaleState: `${prefix}_WAIT_FOR_SE_READY`,
    undo: 'remove_target',
  },
  {
    name: 'admit',
    label: 'admitting it to the traffic',
    progress: last,
    scaleState: `${prefix}_AWAITING_SE_READY`,
    undo: 'remove_target',
  },
];

const source = (prefix: string, from: number, cancellable: boolean): readonly StepDefinition[] => {
  const at = (share: number) => from + Math.round((100 - from) * share);
  const undo = cancellable ? ({ undo: 'readmit_source' } as const) : {};
  return [
    {
      name: 'switch_primary',
      label: 'switching the primary',
      progress: at(0.1),
      scaleState: `${prefix}_AWAITING_PRIMARY_SWITCHOVER`,
      ...(cancellable ? { undo: 'restore_scale' as const } : { undo: 'remove_target' as const }),
    },
    {
      name: 'withdraw',
      label: 'ending new connections there',
      progress: at(0.3),
      scaleState: `${prefix}_AWAITING_SE_PRE_RELEASE`,
      ...undo,
      ...(cancellable ? {} : ({ final: true } as const)),
    },
    {
      name: 'drain',
      label: 'letting its connections end',
      progress: at(0.9),
      scaleState: `${prefix}_AWAITING_SE_READY`,
      ...undo,
      ...(cancellable ? {} : ({ final: true } as const)),
    },
    {
      name: 'release',
      label: 'releasing the service engine',
      progress: 100,
      scaleState: `${prefix}_AWAITING_SE_RELEASE`,
      final: true,
    },
  ];
};

const step = (
  name: StepName,
  label: string,
  progress: number,
  scaleState: string,
  extra: Partial<StepDefinition> = {},
): StepDefinition => ({ name, label, progress, scaleState, ...extra });

export const OPERATIONS: Readonly<Record<OperationType, OperationDefinition>> = {
  place: {
    type: 'place',
    subject: 'virtualservice',
    text: 'Currently placing',
    action: 'INITIAL_PLACEMENT',
    succeeded: { scaleState: 'SCALEOUT_SUCCESS', event: 'VS_FSM_ACTIVE' },
    failed: { scaleState: 'SCALEOUT_ERROR', event: 'VS_INITIAL_PLACEMENT_FAILED' },
    steps: target('SCALEOUT', 100),
  },
  scaleout: {
    type: 'scaleout',
    subject: 'virtualservice',
    text: 'Currently scaling out',
    action: 'SCALE_OUT',
    succeeded: { scaleState: 'SCALEOUT_SUCCESS', event: 'VS_SCALEOUT_COMPLETE' },
    failed: { scaleState: 'SCALEOUT_ERROR', event: 'VS_SCALEOUT_FAILED' },
    steps: target('SCALEOUT', 100),
  },
  scalein: {
    type: 'scalein',
    subject: 'virtualservice',
    text: 'Currently scaling in',
    action: 'SCALE_IN',
    succeeded: { scaleState: 'SCALEIN_SUCCESS', event: 'VS_SCALEIN_COMPLETE' },
    failed: { scaleState: 'SCALEIN_ERROR', event: 'VS_SCALEIN_FAILED' },
    steps: [
      step('choose', 'choosing a service engine', 5, 'SCALEIN_AWAITING_SE_PRE_RELEASE', {
        undo: 'restore_scale',
      }),
      ...source('SCALEIN', 5, true),
    ],
  },
  migrate: {
    type: 'migrate',
    subject: 'virtualservice',
    text: 'Currently migrating',
    action: 'MIGRATE_SCALEOUT',
    succeeded: { scaleState: 'MIGRATE_SUCCESS', event: 'VS_MIGRATE_COMPLETE' },
    failed: { scaleState: 'MIGRATE_ERROR', event: 'VS_MIGRATE_FAILED' },
    steps: [...target('MIGRATE_SCALEOUT', 50), ...source('MIGRATE_SCALEIN', 50, false)],
  },
  switchover: {
    type: 'switchover',
    subject: 'virtualservice',
    text: 'Currently switching the primary',
    action: 'SWITCHOVER',
    succeeded: { scaleState: 'SCALEOUT_SUCCESS', event: 'VS_SWITCHOVER' },
    failed: { scaleState: 'SCALEOUT_ERROR', event: 'VS_SWITCHOVER_FAIL' },
    steps: [
      step('target_ready', 'checking the new primary', 50, 'SCALEIN_AWAITING_PRIMARY_SWITCHOVER'),
      step('make_primary', 'switching the primary', 100, 'SCALEIN_AWAITING_PRIMARY_SWITCHOVER', {
        final: true,
      }),
    ],
  },
  unplace: {
    type: 'unplace',
    subject: 'virtualservice',
    text: 'Currently removing',
    action: 'SE_REMOVED',
    succeeded: { scaleState: 'SCALEIN_SUCCESS', event: 'VS_FSM_INACTIVE' },
    failed: { scaleState: 'SCALEIN_ERROR', event: 'VS_SCALEIN_FAILED' },
    steps: [
      step('withdraw_all', 'ending new connections', 30, 'SCALEIN_AWAITING_SE_PRE_RELEASE', { final: true }),
      step('drain_all', 'letting connections end', 90, 'SCALEIN_AWAITING_SE_READY', { final: true }),
      step('release_all', 'releasing the service engines', 100, 'SCALEIN_AWAITING_SE_RELEASE', {
        final: true,
      }),
    ],
  },
  create_se: {
    type: 'create_se',
    subject: 'serviceengine',
    text: 'Currently creating a service engine',
    action: 'CREATE',
    succeeded: { scaleState: 'SCALEOUT_SUCCESS', event: 'CREATED_SE' },
    failed: { scaleState: 'SCALEOUT_ERROR', event: 'CREATE_SE_FAIL' },
    steps: [
      step('create', 'asking the cloud for it', 40, 'SCALEOUT_CREATING_SE', { undo: 'delete_created' }),
      step('enrolled', 'waiting until it has enrolled', 100, 'SCALEOUT_CREATING_SE', {
        undo: 'delete_created',
      }),
    ],
  },
  delete_se: {
    type: 'delete_se',
    subject: 'serviceengine',
    text: 'Currently deleting the service engine',
    action: 'SE_DELETING',
    succeeded: { scaleState: 'SCALEIN_SUCCESS', event: 'DELETED_SE' },
    failed: { scaleState: 'SCALEIN_ERROR', event: 'DELETE_SE_FAIL' },
    steps: [
      step('evacuate', 'moving its virtual services', 60, 'SCALEIN_AWAITING_SE_PRE_RELEASE'),
      step('drained', 'letting connections end', 80, 'SCALEIN_AWAITING_SE_READY'),
      step('delete', 'asking the cloud to delete it', 100, 'SCALEIN_AWAITING_SE_RELEASE', { final: true }),
    ],
  },
  evacuate_se: {
    type: 'evacuate_se',
    subject: 'serviceengine',
    text: 'Currently evacuating the service engine',
    action: 'SE_PRERELEASE',
    succeeded: { scaleState: 'SCALEIN_SUCCESS', event: 'MIGRATE_SE_FINISHED' },
    failed: { scaleState: 'SCALEIN_ERROR', event: 'MIGRATE_SE_FAILED' },
    steps: [
      step('evacuate', 'moving its virtual services', 90, 'MIGRATE_SCALEOUT_AWAITING_SE_ASSIGNMENT'),
      step('drained', 'letting connections end', 100, 'SCALEIN_AWAITING_SE_READY'),
    ],
  },
};

export const definitionOf = (type: OperationType): OperationDefinition => OPERATIONS[type];

/**
 * Checked when the controller starts: a definition that cannot run stops it there, not in the middle of an operation.
 * Returns what is wrong, in words.
 */
export function invalidDefinitions(
  definitions: Readonly<Record<string, OperationDefinition>>,
  implemented: { readonly steps: readonly string[]; readonly undos: readonly string[] },
): string[] {
  const wrong: string[] = [];
  for (const [type, d] of Object.entries(definitions)) {
    const say = (what: string) => wrong.push(`operation ${type}: ${what}`);
    if (d.type !== type) say(`is filed under ${type} but says it is ${d.type}`);
    if (d.text === '') say('has no text');
    if (d.steps.length === 0) say('has no steps');
    const seen = new Set<string>();
    let progress = 0;
    let final = false;
    for (const s of d.steps) {
      if (seen.has(s.name)) say(`names step ${s.name} twice`);
      seen.add(s.name);
      if (!implemented.steps.includes(s.name)) say(`step ${s.name} has no function`);
      if (s.undo !== undefined && !implemented.undos.includes(s.undo)) say(`undo ${s.undo} has no function`);
      if (s.progress <= progress) say(`progress does not rise at step ${s.name}`);
      progress = s.progress;
      if (final && s.final !== true) say(`step ${s.name} may be cancelled, but an earlier one may not`);
      final = s.final === true;
    }
    if (d.steps.length > 0 && progress !== 100) say('does not end at 100 %');
  }
  return wrong;
}

/** What has to be undone when the operation stops at `stepIndex`, in the order to do it; each once. */
export function undosFrom(type: OperationType, stepIndex: number): UndoName[] {
  const found: UndoName[] = [];
  for (let i = stepIndex; i >= 0; i--) {
    const undo = OPERATIONS[type].steps[i]?.undo;
    if (undo !== undefined && !found.includes(undo)) found.push(undo);
  }
  return found;
}
