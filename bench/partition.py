"""Which partition of the outbox a SKU belongs to: what src/core/partition.c says, for data that SQL makes."""

PARTITIONS = 16
BASIS, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def partition_of(sku):
    number = BASIS
    for byte in sku.encode():
        number = (number ^ byte) * PRIME & MASK
    return (number ^ number >> 32) % PARTITIONS
