"""Computes a SKU's partition as src/core/partition.c does, for data that SQL generates."""

PARTITIONS = 16
BASIS, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def partition_of(sku):
    number = BASIS
    for byte in sku.encode():
        number = (number ^ byte) * PRIME & MASK
    return (number ^ number >> 32) % PARTITIONS
