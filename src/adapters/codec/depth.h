/* How deep payloads may be nested: in every encoding the same. */
#ifndef ALLOCD_ADAPTERS_CODEC_DEPTH_H
#define ALLOCD_ADAPTERS_CODEC_DEPTH_H

#define DEPTH_MAX 32

#endif
