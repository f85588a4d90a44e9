import { z } from 'zod';
import { requestFields, serverFields } from '../served/settings.js';

export const vllmSettings = z.strictObject({
  ...serverFields,
  teacher: z
    .strictObject(serverFields)
    .optional()
    .describe(
      'Servers that score for the teacher, so that its older weights and the newest are served at the same time. ' +
        "Needed for a separate teacher model. Default: the policy's servers.",
    ),
  folders: z
    .record(z.string().min(1), z.string().min(1))
    .default({})
    .describe(
      'Where the servers see folders of this machine, such as `{ /home/me/runs: /mnt/runs }`. Default: the same paths.',
    ),
  probe: z
    .boolean()
    .default(true)
    .describe(
      "Compare the servers' log-probabilities with the embedded engine's before the start. `false` where the model " +
        "does not fit into this machine's memory.",
    ),
  tolerance: z
    .number()
    .positive()
    .max(10)
    .default(0.05)
    .describe('Mean difference of log-probabilities at which the probe refuses a server.'),
  ...requestFields,
});

export type VllmSettings = z.output<typeof vllmSettings>;
