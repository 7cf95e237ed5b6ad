// The build alone, where packages are there already and nothing else is wanted: the image.
import { build } from './setup/build.mjs';
import { findNode } from './setup/node.mjs';

build(findNode());
