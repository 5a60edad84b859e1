import * as pulumi from '@pulumi/pulumi';
import type { Settings } from '../settings.ts';
import type { Part } from './manifest.ts';
import type { Material } from './material.ts';
import { objectsOf } from './objectsOf.ts';
import { register } from './register.ts';

/** The thin side of every component: registers a part's objects as its children. */
export class Component extends pulumi.ComponentResource {
  /**
   * @param part what it consists of
   * @param after components that must be there first
   */
  constructor(part: Part, settings: Settings, material: Material, after: readonly Component[]) {
    super('simple378:infra:Component', part.name, {}, { dependsOn: [...after] });
    for (const object of objectsOf(part, settings, (file) => material.file(file), material.authority))
      register(object, settings, { parent: this });
    this.registerOutputs({});
  }
}
