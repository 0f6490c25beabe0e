/* ouro/ouro.h - all of Ouro's public interface. */
#ifndef OURO_OURO_H
#define OURO_OURO_H

#include <ouro/base.h>
#include <ouro/heap.h>

#endif
