# A room is a folder of sources with one purpose.  It becomes an object library, so that the same objects
# serve libouro.so, libouro-host.so, the tool and the tests.

# ouro_room(<name> [compile options...]): the target room_<name> from src/<name>/*.c.  A room in which
# nobody lives yet becomes an empty target, so that those who use it need not ask.
function(ouro_room name)
    file(GLOB sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${name}/*.c")
    if(NOT sources)
        add_library(room_${name} INTERFACE)
        return()
    endif()
    add_library(room_${name} OBJECT ${sources})
    target_include_directories(room_${name} PUBLIC "${PROJECT_SOURCE_DIR}/include"
                                                   "${PROJECT_SOURCE_DIR}/src")
    target_compile_options(room_${name} PRIVATE ${ARGN})
endfunction()

# ouro_rooms_objects(<variable> <name>...): the objects of those rooms that have any.
function(ouro_rooms_objects variable)
    set(objects)
    foreach(name IN LISTS ARGN)
        get_target_property(type room_${name} TYPE)
        if(type STREQUAL "OBJECT_LIBRARY")
            list(APPEND objects $<TARGET_OBJECTS:room_${name}>)
        endif()
    endforeach()
    set(${variable} "${objects}" PARENT_SCOPE)
endfunction()
