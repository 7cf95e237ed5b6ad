export async function bakedState() {
  return undefined;
}
