/* ouro/ouro.h - all of Ouro's public interface. */
#ifndef OURO_OURO_H
#define OURO_OURO_H

#include <ouro/base.h>
#include <ouro/bytes.h>
#include <ouro/class.h>
#include <ouro/deque.h>
#include <ouro/dict.h>
#include <ouro/file.h>
#include <ouro/finalize.h>
#include <ouro/function.h>
#include <ouro/gc.h>
#include <ouro/generator.h>
#include <ouro/heap.h>
#include <ouro/instance.h>
#include <ouro/int.h>
#include <ouro/iterate.h>
#include <ouro/list.h>
#include <ouro/number.h>
#include <ouro/object.h>
#include <ouro/protocol.h>
#include <ouro/range.h>
#include <ouro/set.h>
#include <ouro/snapshot.h>
#include <ouro/status.h>
#include <ouro/str.h>
#include <ouro/thread.h>
#include <ouro/trace.h>
#include <ouro/tuple.h>
#include <ouro/weakdict.h>
#include <ouro/weakref.h>
#include <ouro/weakset.h>

#endif
