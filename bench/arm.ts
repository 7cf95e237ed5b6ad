/** What is asked of an arm: one change of one lane, from the request until it is closed. */
export interface Errand {
  action: 'attach' | 'return';
  vm: string;
  address: string;
}

export const armNames = ['A', 'B0', 'B1'] as const;
export type ArmName = (typeof armNames)[number];

export interface Arm {
  name: ArmName;
  /** Made before the clock starts; `run` is what is measured. Rejects when the change did not succeed. */
  prepare(errand: Errand): Promise<{ run(): Promise<void> }>;
}
